"""How Dalstroom looks: night ink, valley green, and amber for what charging at once would be.

Colours are roles of the colour scheme (so dark mode is the same code); text has seven sizes; space comes in steps of 4.
"""

import flet as ft

BODY = "Manrope"
BOLD = "Manrope Bold"
FONTS = {BODY: "/fonts/Manrope-Medium.ttf", BOLD: "/fonts/Manrope-Bold.ttf"}

CARD_RADIUS = 20
SMALL_RADIUS = 12
GAP = 16
PAGE_PADDING = 16
FIELD = ft.OutlineInputBorder(border_radius=SMALL_RADIUS)
"""The edge of a text field."""
COLUMN_WIDTH = 1180
"""A desktop page grows no wider than this; lines of text stay readable."""

NIGHT, ON_NIGHT, NIGHT_LIGHT = "#12302A", "#EEF4F1", "#7CE0C3"
"""The demo's clock is night by day and by night."""

VALLEY = ft.Colors.PRIMARY
AT_ONCE = ft.Colors.TERTIARY
MUTED = ft.Colors.ON_SURFACE_VARIANT
CARD = ft.Colors.SURFACE_CONTAINER_LOWEST
LINE = ft.Colors.OUTLINE_VARIANT

_LIGHT = ft.ColorScheme(
    primary="#0B6E5B",
    on_primary="#FFFFFF",
    primary_container="#CBEFE2",
    on_primary_container="#06382E",
    secondary="#3B556E",
    on_secondary="#FFFFFF",
    secondary_container="#DCE7F1",
    on_secondary_container="#14293B",
    tertiary="#A85B00",
    on_tertiary="#FFFFFF",
    tertiary_container="#FFE6C7",
    on_tertiary_container="#472600",
    error="#B3261E",
    on_error="#FFFFFF",
    error_container="#FBE0DC",
    on_error_container="#5C120D",
    surface="#F7F5F0",
    on_surface="#17201D",
    on_surface_variant="#55605B",
    outline="#7C8680",
    outline_variant="#DEDBD2",
    surface_container_lowest="#FFFFFF",
    surface_container_low="#F2EFE8",
    surface_container="#EDEAE2",
    surface_container_high="#E7E3DA",
    surface_container_highest="#E0DCD2",
    inverse_surface="#12211D",
    on_inverse_surface="#EEF4F1",
    inverse_primary="#7CE0C3",
    surface_tint="#0B6E5B",
)

_DARK = ft.ColorScheme(
    primary="#6BDCBC",
    on_primary="#00382D",
    primary_container="#0E4A3D",
    on_primary_container="#BDF3E1",
    secondary="#AFC8DE",
    on_secondary="#18303F",
    secondary_container="#26394A",
    on_secondary_container="#D6E6F4",
    tertiary="#FFB95E",
    on_tertiary="#452B00",
    tertiary_container="#513711",
    on_tertiary_container="#FFE0B6",
    error="#FFB4A9",
    on_error="#680F08",
    error_container="#5B1A15",
    on_error_container="#FFDAD4",
    surface="#0E1419",
    on_surface="#E6ECEA",
    on_surface_variant="#A5B1B2",
    outline="#75838A",
    outline_variant="#2B3740",
    surface_container_lowest="#161E25",
    surface_container_low="#131A20",
    surface_container="#1B242C",
    surface_container_high="#222D36",
    surface_container_highest="#2A3640",
    inverse_surface="#E6ECEA",
    on_inverse_surface="#17201D",
    inverse_primary="#0B6E5B",
    surface_tint="#6BDCBC",
)


def _set(color: ft.ColorValue | None) -> ft.ColorValue:
    """A colour of our schemes; inside of a theme a role's name would mean Flutter's own blue."""
    assert color is not None
    return color


def _segments(scheme: ft.ColorScheme) -> ft.SegmentedButtonTheme:
    style = ft.ButtonStyle(
        bgcolor={
            ft.ControlState.SELECTED: _set(scheme.primary_container),
            ft.ControlState.DEFAULT: ft.Colors.TRANSPARENT,
        },
        color={
            ft.ControlState.SELECTED: _set(scheme.on_primary_container),
            ft.ControlState.DEFAULT: _set(scheme.on_surface_variant),
        },
        side=ft.BorderSide(1, _set(scheme.outline_variant)),
        shape=ft.RoundedRectangleBorder(radius=SMALL_RADIUS),
        padding=ft.Padding.symmetric(horizontal=10, vertical=12),
    )
    return ft.SegmentedButtonTheme(style=style)


def _theme(scheme: ft.ColorScheme) -> ft.Theme:
    pill = ft.RoundedRectangleBorder(radius=14)
    label = ft.TextStyle(font_family=BOLD, size=14, weight=ft.FontWeight.NORMAL)
    padding = ft.Padding.symmetric(horizontal=20, vertical=14)
    still = ft.PageTransitionsTheme(
        android=ft.PageTransitionTheme.FADE_FORWARDS,
        ios=ft.PageTransitionTheme.CUPERTINO,
        linux=ft.PageTransitionTheme.NONE,
        macos=ft.PageTransitionTheme.NONE,
        windows=ft.PageTransitionTheme.NONE,
    )
    return ft.Theme(
        color_scheme=scheme,
        font_family=BODY,
        page_transitions=still,
        scaffold_bgcolor=scheme.surface,
        filled_button_theme=ft.FilledButtonTheme(style=ft.ButtonStyle(shape=pill, padding=padding, text_style=label)),
        outlined_button_theme=ft.OutlinedButtonTheme(
            style=ft.ButtonStyle(shape=pill, padding=padding, text_style=label)
        ),
        text_button_theme=ft.TextButtonTheme(style=ft.ButtonStyle(shape=pill, text_style=label)),
        appbar_theme=ft.AppBarTheme(bgcolor=scheme.surface, elevation=0, elevation_on_scroll=0),
        navigation_bar_theme=ft.NavigationBarTheme(
            label_text_style=ft.TextStyle(
                font_family=BODY, size=11.5, weight=ft.FontWeight.NORMAL, letter_spacing=-0.1
            ),
            bgcolor=scheme.surface_container_lowest,
            elevation=0,
            indicator_color=scheme.primary_container,
        ),
        navigation_rail_theme=ft.NavigationRailTheme(
            bgcolor=scheme.surface, indicator_color=scheme.primary_container, use_indicator=True
        ),
        segmented_button_theme=_segments(scheme),
        snackbar_theme=ft.SnackBarTheme(
            behavior=ft.SnackBarBehavior.FLOATING, shape=ft.RoundedRectangleBorder(radius=SMALL_RADIUS)
        ),
        dialog_theme=ft.DialogTheme(
            bgcolor=scheme.surface_container_lowest, shape=ft.RoundedRectangleBorder(radius=CARD_RADIUS)
        ),
    )


def light() -> ft.Theme:
    """The theme of the day."""
    return _theme(_LIGHT)


def dark() -> ft.Theme:
    """The theme of the night."""
    return _theme(_DARK)


def mode(theme: str) -> ft.ThemeMode:
    """Flet's word for `system`, `light` or `dark`."""
    return {"light": ft.ThemeMode.LIGHT, "dark": ft.ThemeMode.DARK}.get(theme, ft.ThemeMode.SYSTEM)


def hero(value: str, color: ft.ColorValue = ft.Colors.ON_SURFACE, *, wide: bool = False) -> ft.Text:
    """The one sentence of a page."""
    style = ft.TextStyle(letter_spacing=-0.4, height=1.22)
    return ft.Text(value, size=32 if wide else 25, font_family=BOLD, style=style, color=color)


def title(value: str, color: ft.ColorValue = ft.Colors.ON_SURFACE) -> ft.Text:
    """The title of a page or a dialog."""
    return ft.Text(value, size=22, font_family=BOLD, style=ft.TextStyle(letter_spacing=-0.3), color=color)


def heading(value: str, color: ft.ColorValue = ft.Colors.ON_SURFACE) -> ft.Text:
    """The title of a card."""
    return ft.Text(value, size=16, font_family=BOLD, color=color)


def body(value: str, color: ft.ColorValue = ft.Colors.ON_SURFACE) -> ft.Text:
    """Running text."""
    return ft.Text(value, size=15, color=color, style=ft.TextStyle(height=1.4))


def strong(value: str, color: ft.ColorValue = ft.Colors.ON_SURFACE, size: float = 15) -> ft.Text:
    """A value that matters."""
    return ft.Text(value, size=size, font_family=BOLD, color=color)


def small(value: str, color: ft.ColorValue = MUTED) -> ft.Text:
    """A note, a label, a unit."""
    return ft.Text(value, size=13, color=color, style=ft.TextStyle(height=1.35))


def figure(value: str, color: ft.ColorValue = ft.Colors.ON_SURFACE, size: float = 34) -> ft.Text:
    """A large amount."""
    return ft.Text(value, size=size, font_family=BOLD, color=color, style=ft.TextStyle(letter_spacing=-0.8))
