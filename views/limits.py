"""Discord's limits for messages, menus, suggestions and interactions."""

MESSAGE_CHARACTERS = 2000
MAX_CHOICES = 25
"""Options of a menu; suggestions for a command's option."""
LABEL_CHARACTERS = 100
"""Of one such option or suggestion."""
ALT_TEXT_CHARACTERS = 1024
VIEW_SECONDS = 14 * 60.0
"""Timeout of a page: its interaction's token, which redraws it, expires after 15 minutes."""
