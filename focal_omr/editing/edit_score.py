"""An edit of a score: one event, sign or barline, and what follows from it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, assert_never

from focal_omr.editing import clef_key_meter, edits, insert_delete, notes
from focal_omr.editing.edits import Edit, parse_edit
from focal_omr.editing.part_editor import PartEditor
from focal_omr.editing.printed import Target
from focal_omr.editing.selection import Selection
from focal_omr.editing.tokens import as_score_sign, set_token
from focal_omr.errors import EditError
from focal_omr.score.score import Key, Score

__all__ = ["EditedScore", "edit_score", "edit_selection"]


class EditedScore(NamedTuple):
    """A score after an edit, and what is selected in it; what was deleted is no longer there."""

    score: Score
    selected: Target


def edit_score(score: Score, target: Target | str, edit: Edit | Mapping[str, Any]) -> EditedScore:
    """Edit a score.

    Consequences are drawn from the score: onsets and lengths in the measure, carried accidentals, ties,
    pitches and alterations under a changed clef or key, measure rests under a changed meter.

    Args:
        score: The score; it stays as it is.
        target: The selected symbol, or the id of a note, rest or sign.
        edit: An `edits.Edit`, or its plain values with "do".

    Raises:
        EditError: No such symbol or edit, or the edit is impossible there; the message is for the user.
    """
    target = Target(target) if isinstance(target, str) else target
    for number, part in enumerate(score.parts):
        editor = PartEditor(part)
        if not editor.holds(target.id):
            continue
        selection = Selection(editor, target)
        edit_selection(selection, parse_edit(edit))
        parts = (*score.parts[:number], editor.finished(), *score.parts[number + 1 :])
        return EditedScore(replace(score, parts=parts), selection.target)
    raise EditError(f"there is no event {target.id!r}")


def edit_selection(selection: Selection, edit: Edit, restated: str | None = None) -> None:
    """Apply an edit to the part of a selection.

    Args:
        selection: The selected symbol; afterwards what is selected.
        edit: The edit.
        restated: As `clef_key_meter.delete_sign`.

    Raises:
        EditError: The edit is impossible there.
    """
    match edit:
        case edits.MoveNote():
            notes.move(selection, edit.steps)
        case edits.Step():
            notes.to_step(selection, edit.step)
        case edits.Accidental():
            notes.set_accidental(selection, edit.sign)
        case edits.SetValue():
            notes.set_value(selection, edit.value)
        case edits.Dots():
            notes.set_dots(selection, edit.dots)
        case edits.Tie():
            notes.toggle_tie(selection)
        case edits.Fermata():
            notes.toggle_fermata(selection)
        case edits.Grace():
            notes.toggle_grace(selection)
        case edits.ToRest():
            notes.toggle_rest(selection)
        case edits.Delete():
            insert_delete.delete(selection, restated)
        case edits.Insert():
            insert_delete.insert(selection, edit.what, before=edit.before)
        case edits.SetBarline():
            insert_delete.set_barline(selection, edit.kind)
        case edits.ToTuplet():
            insert_delete.toggle_tuplet(selection, edit.actual)
        case edits.SetClef() | edits.SetMeter():
            clef_key_meter.set_sign(selection, as_score_sign(edit.sign))
        case edits.SetKey():
            clef_key_meter.set_sign(selection, Key(edit.fifths))
        case edits.Token():
            set_token(selection, edit.token)
        case edits.Accept() | edits.UseReading():
            raise EditError("only a reading can be accepted or used, not a score")
        case _:
            assert_never(edit)
