import pytest
from ray.exceptions import RayActorError

from deepnic.learn.rendezvous import FileRendezvous


class LostWorkers:
    """A group whose workers answer until their host is switched off."""

    def __len__(self):
        return 2

    def get_resources_per_worker(self):
        return {}

    def execute(self, *values, **options):
        return []

    execute_single_async = execute

    def execute_async(self, *values, **options):
        raise RayActorError()


def test_meeting__leaves_nothing_where_a_worker_was_lost_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("deepnic.learn.rendezvous.ray.get", lambda futures: futures)
    config = FileRendezvous(folder=str(tmp_path))
    backend = config.backend_cls()
    backend.on_start(LostWorkers(), config)
    (place,) = tmp_path.iterdir()
    assert place.stat().st_mode & 0o777 == 0o700
    with pytest.raises(RayActorError):
        backend.on_shutdown(LostWorkers(), config)
    assert list(tmp_path.iterdir()) == []
