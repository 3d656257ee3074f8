# pyright: basic
"""The types of changes list exactly the fields of jobs, models and a server's settings that may change."""

from typing import get_type_hints

from domain import Job, Model, Origin, Settings
from domain.jobs import Destination, JobChanges, Plan, Planned, SettingsChanges
from domain.models import ModelChanges


def fields(model) -> dict:
    kinds = get_type_hints(model)
    return {name: kinds[name] for name in model.model_fields}


def test_all_of_a_job_may_change_but_whose_it_is_and_what_others_write():
    own = {name: kind for name, kind in fields(Job).items() if name not in ("id", "cancelled")}
    assert get_type_hints(JobChanges) == own


def test_a_plan_and_a_place_leave_nothing_out():
    assert get_type_hints(Planned) == fields(Plan)
    assert get_type_hints(Destination) == {
        name: kind for name, kind in fields(Origin).items() if name not in ("id", "private")
    }


def test_every_setting_may_change():
    assert get_type_hints(SettingsChanges) == fields(Settings)


def test_what_the_host_changes_about_a_model_is_a_field_of_it():
    assert get_type_hints(ModelChanges).items() <= fields(Model).items()
