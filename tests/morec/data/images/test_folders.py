"""A folder of images is searched with the links in it, and no link leads round in circles."""

from pathlib import Path

import pytest

from morec.data.images.folders import files_below
from morec.data.images.sources import find_images, image_files
from morec.errors import DataError
from tests.morec.data.hand_made import write_image


def test_links_to_folders_and_files_are_followed(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    write_image(folder / "a.png")
    write_image(tmp_path / "elsewhere" / "deep" / "b.png")
    write_image(tmp_path / "c.png")
    (folder / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (folder / "c.png").symlink_to(tmp_path / "c.png")
    (folder / "d.png").symlink_to(tmp_path / "gone.png")
    assert find_images(folder, list("abcd")).keys == ("a.png", "more/deep/b.png", "c.png", None)
    names = [path.relative_to(folder).as_posix() for path in image_files(folder)]
    assert names == ["a.png", "c.png", "more/deep/b.png"]


def test_a_folder_that_a_link_reaches_too_is_read_once_under_its_own_name(tmp_path: Path) -> None:
    write_image(tmp_path / "z" / "a.png")
    (tmp_path / "again").symlink_to(tmp_path / "z", target_is_directory=True)
    assert find_images(tmp_path, ["a"]).keys == ("z/a.png",)


@pytest.mark.parametrize("above", [".", "..", "x"])
def test_a_link_to_a_folder_above_is_refused_by_name(tmp_path: Path, above: str) -> None:
    folder = tmp_path / "images"
    write_image(folder / "x" / "y" / "a.png")
    target = (folder / above).resolve()
    link = folder / "x" / "y" / "back"
    link.symlink_to(target, target_is_directory=True)
    with pytest.raises(DataError) as caught:
        list(files_below(folder))
    assert str(caught.value) == (
        f"dataset.images: {link} is a link back to {target}, a folder above it; remove the link"
    )


def test_a_circle_through_another_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "images" / "to").symlink_to(tmp_path / "other", target_is_directory=True)
    (tmp_path / "other" / "fro").symlink_to(tmp_path / "images", target_is_directory=True)
    with pytest.raises(DataError, match="to/fro is a link back to"):
        list(files_below(tmp_path / "images"))


def test_a_link_to_itself_leads_nowhere(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "b.png")
    assert [path.name for path in files_below(tmp_path)] == ["a.png"]


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("morec.data.images.folders.os.scandir", refuse)
    with pytest.raises(DataError, match=f"{tmp_path} cannot be searched: Permission denied"):
        list(files_below(tmp_path))
