"""A folder of results: refused before the work if it cannot be written, created only for it."""

import pytest

from keras_cnn import InputError, filesystem


def test_a_check_creates_no_folder(tmp_path):
    filesystem.check_writable(tmp_path / "runs" / "pets")
    assert list(tmp_path.iterdir()) == []
    assert filesystem.writable(tmp_path / "runs" / "pets").is_dir()
    filesystem.check_writable(tmp_path / "runs" / "pets")
    assert list((tmp_path / "runs" / "pets").iterdir()) == []


@pytest.mark.parametrize("name", ["notes", "notes/pets"])
@pytest.mark.parametrize("function", [filesystem.check_writable, filesystem.writable])
def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path, name, function):
    (tmp_path / "notes").write_text("my notes")
    with pytest.raises(InputError, match=r"--out must be a folder .*notes.*: name another"):
        function(tmp_path / name)
    assert (tmp_path / "notes").read_text() == "my notes"


@pytest.mark.parametrize("function", [filesystem.check_writable, filesystem.writable])
def test_a_full_or_closed_disk_is_refused(tmp_path, monkeypatch, function):
    def refuse(**options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(InputError, match="Read-only file system"):
        function(tmp_path)
