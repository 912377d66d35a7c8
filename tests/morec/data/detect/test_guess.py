"""What was detected says what is open, and answers its own questions with the first answer."""

from morec.data.detect.guess import Detected, Guess, Question

ROLES = Question(("user_column", "item_column"), (("a", "b"), ("b", "a")), "Which is which?")
TITLE = Question(("text_column",), (("name",), ("title",)), "Which one?")
FILE = Guess("interactions", "a.csv", "")


def detected(*options: Guess | Question, text: bool = False, images: bool = False) -> Detected:
    return Detected("files", "shop", options, "a header", text, images)


def test_questions_are_the_open_options_in_their_order() -> None:
    assert detected(ROLES, FILE, TITLE).questions == (ROLES, TITLE)
    assert detected(FILE).questions == ()


def test_every_question_has_its_first_answer() -> None:
    found = detected(FILE, ROLES, TITLE).answered()
    assert list(found.items()) == [
        ("kind", "files"),
        ("interactions", "a.csv"),
        ("user_column", "a"),
        ("item_column", "b"),
        ("text_column", "name"),
    ]
    assert detected().answered() == {"kind": "files"}


def test_modalities_are_what_items_have() -> None:
    assert detected().modalities == ()
    assert detected(text=True).modalities == ("text",)
    assert detected(images=True).modalities == ("image",)
    assert detected(text=True, images=True).modalities == ("text", "image")
