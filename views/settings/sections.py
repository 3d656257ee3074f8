"""The sections of /settings, in the order of their buttons."""

from views.settings.drawing import DRAWING_SECTION
from views.settings.fallback import FALLBACK_SECTION
from views.settings.pictures import PICTURES_SECTION

SECTIONS = (DRAWING_SECTION, FALLBACK_SECTION, PICTURES_SECTION)
