"""The sections of /settings, in the order of their buttons."""

from views.settings.drawing import DRAWING
from views.settings.fallback import FALLBACK
from views.settings.pictures import PICTURES

SECTIONS = (DRAWING, FALLBACK, PICTURES)
