"""Files that are there whole or not at all, and their checksums."""

from pathlib import Path

import pytest
import xxhash
from gristmill.training.data.files import checksum, whole_file, write_whole


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_whole(path, "old ä")
    with pytest.raises(TypeError, match="str"), whole_file(path) as stream:
        stream.writelines([b"half of the ne", "w"])  # type: ignore[list-item]
    assert path.read_text(encoding="utf-8") == "old ä"
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]


def test_two_who_write_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with whole_file(path) as one, whole_file(path) as other:
        one.write(b"one")
        other.write(b"other")
        one.write(b" more")
    assert path.read_bytes() == b"one more"  # the last to end
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_a_checksum_is_of_the_bytes_of_all_files(tmp_path: Path) -> None:
    for name, content in (("a", b"gr"), ("b", b"ist"), ("c", b"")):
        (tmp_path / name).write_bytes(content)
    assert checksum(*(tmp_path / name for name in "abc")) == xxhash.xxh3_128_hexdigest(b"grist")
