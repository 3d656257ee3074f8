"""The section "Members' pictures": their visibility, the safety checker and the refiner."""

from views.settings.setting import Section
from views.settings.switch import SwitchSetting

PICTURES_SECTION = Section(
    "pictures",
    "Members' pictures",
    (
        SwitchSetting(
            "private",
            "Private by default",
            "Only the member sees their results, unless they ask for `private:False`.",
            read=lambda now: now.private,
            write=lambda now, on: now.having(private=on),
        ),
        SwitchSetting(
            "safety_checker",
            "Safety checker",
            "The provider's own filter against explicit pictures.",
            read=lambda now: now.safety_checker,
            write=lambda now, on: now.having(safety_checker=on),
            needs=lambda takes: takes.safety_checker,
        ),
        SwitchSetting(
            "refiner",
            "Refiner",
            "A second pass over each picture: finer, but slower.",
            read=lambda now: now.refiner,
            write=lambda now, on: now.having(refiner=on),
            needs=lambda takes: takes.refiner,
        ),
    ),
)
