"""Colours outside of the page are those of its style sheet."""

from reports.page.colours import coloured, light_theme


def test_names_become_the_light_theme_s_colours() -> None:
    theme = light_theme()
    assert theme["accent"] == "#0067a8"
    assert {f"c{hue}" for hue in range(7)} | {"page", "ink", "muted", "rule"} <= set(theme)
    assert coloured({"line": {"color": "@accent"}, "shades": ["@muted/0.3", 1]}) == {
        "line": {"color": "#0067a8"},
        "shades": [f"rgba({0x5F},{0x63},{0x68},0.3)", 1],
    }


def test_other_texts_stay_as_they_are() -> None:
    for text in ("HR@10", "@nobody", "@", "a @accent b"):
        assert coloured(text) == text
