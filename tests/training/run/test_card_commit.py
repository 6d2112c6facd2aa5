"""The commit on a model's card is the one that is checked out, in whatever form git keeps it."""

from pathlib import Path

from gristmill.training.run.card import commit_of_clone

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_the_commit_of_a_clone(tmp_path: Path) -> None:
    assert commit_of_clone(tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{COMMIT}\n")
    assert commit_of_clone(tmp_path) == COMMIT
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert commit_of_clone(tmp_path) is None
    (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n{'f' * 40} refs/heads/other\n")
    assert commit_of_clone(tmp_path) == COMMIT
    (git / "refs" / "heads" / "main").write_text("a" * 40 + "\n")
    assert commit_of_clone(tmp_path) == "a" * 40
