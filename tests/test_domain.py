# pyright: basic
"""The types of changes have fields of their models, with the same types."""

from typing import get_type_hints

import pytest

from domain import Drawn, ImageRequest, Job, Model, Origin, Settings
from domain.jobs import Destination, DrawnChanges, JobChanges, Plan, Planned, SettingsChanges
from domain.models import ModelChanges
from domain.requests import RequestChanges


def fields(model) -> dict:
    kinds = get_type_hints(model)
    return {name: kinds[name] for name in model.model_fields}


def test_all_of_a_job_may_change_but_its_id_and_its_cancellation():
    own = {name: kind for name, kind in fields(Job).items() if name not in ("id", "cancelled")}
    assert get_type_hints(JobChanges) == own


def test_a_plan_and_a_destination_leave_nothing_out():
    assert get_type_hints(Planned) == fields(Plan)
    assert get_type_hints(Destination) == {
        name: kind for name, kind in fields(Origin).items() if name not in ("id", "private")
    }


def test_every_setting_may_change():
    assert get_type_hints(SettingsChanges) == fields(Settings)


def test_what_the_host_changes_about_a_model_is_a_field_of_it():
    assert get_type_hints(ModelChanges).items() <= fields(Model).items()


def test_every_field_of_a_request_may_change():
    assert get_type_hints(RequestChanges) == fields(ImageRequest)


@pytest.mark.parametrize(("changes", "model"), [(DrawnChanges, Drawn)])
def test_changes_of_some_fields_have_their_types(changes, model):
    of_model = fields(model)
    assert get_type_hints(changes) == {name: of_model[name] for name in get_type_hints(changes)}
