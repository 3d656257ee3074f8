"""What Discord allows: in a message, in a menu, in a list of suggestions, and for how long."""

MESSAGE_CHARACTERS = 2000
"""Characters."""
MAX_CHOICES = 25
"""Options of a menu, or suggestions for a command's option."""
LABEL_CHARACTERS = 100
"""Characters that each of them may have."""
ALT_TEXT_CHARACTERS = 1024
"""Characters of a picture's description."""
VIEW_SECONDS = 14 * 60.0
"""An interaction's token lives 15 minutes; after that its message could not be redrawn."""
