"""The letter that a response to a multiple-choice question settles on (reference: VoiceBench, `src/evaluator/mcq.py`).

The official rule goes through a list of phrases, in its order, and takes the first that is there with any letter, A
first. It has its flaws, which are kept, since figures could not be compared otherwise: "the answer is clear" chooses
C, and "would be difficult" D. Where no phrase is there a letter is drawn.
"""

from collections.abc import Sequence

from components.evaluate_model.benchmarks.benchmark import mark_of
from components.evaluate_model.benchmarks.records import Item, Mark, Outcome
from components.evaluate_model.benchmarks.voicebench.phrases import rules

LETTERS = ("A", "B", "C", "D")
_SMALL = ("a", "b", "c", "d")
_TURNS = ("<1>", "<2>", "<3>")
_CHINESE = (
    "答案是@|答案是 @|答案是选项@|答案应该是@|答案应该是 @|答案就是选项@"
    "|答案是\u2018@|是@\uff1a|答案选@|@是正确|选项@是最合适的"
)
_PLAIN = (
    "answer is: **@|answer is **@|the answer to the question is: **@|the answer to the multiple-choice question is **@"
    "|the answer is '@'|@ is the best answer|the answer is @|the correct answer is @|would select @|would choose @"
    "|would select option @|would choose option @"
)
_EMPHASISED = (
    'is "@"|is "@.|is: **@)|is **@,|is **@:|is **@)|is: **@.|is: **@:|is **@.|be **@,|is: **@**'
    "|is therefore option **@:|is: \n\n**@)|as **@:|be **@)|be **@:|is: \n\n**@**|suggests **@)|be option **@:"
    '|with **@)|is typically "@)|be to **@)|is: \n\n@)|is likely to be: **@.|is **@ (|is option **@**|is likely **@**'
    "|is:\n**@.|is:\n\n**@."
)
_HEDGED = (
    "would be @|would be option @|would be (@)|would be option (@)|is @,|is typically @,|is typically @.|i'd say @."
    "|option @.|option @:|option @,|the answer is:\n**@|is @:|is @.|is: @.|is (@)|is:\n**@)|is likely **@:|is the **@)"
)
_LISTED = (
    ":\n@.|:\n@)|:\n@,|: \n@.|:  \n@.|:\n\n@.|:\n\n@)|is most likely **@:|:\n\n@,|: \n\n@.|(@) would be|is @)|is: @)"
    "|is:\n\n@:|is: **@,|(option @)|select option \"@\"|is: @|is typically **@,|is **@**|is likely '@'|is option '@'"
    "|is:\n**@:"
)
_FORMULAS = (
    r"is \( \boxed{@ |would be '@'|is the **@** |question is @ (|"
    "is:\n\n**@)|closest to option **@**|is most likely **@)|the answer to the question is '@'|known as '@'|is '@)"
    "|is typically **@:|"
    r"is \( \boxed{\text{@}} \)|is \( \text{@) }|is \( \text{@} \)|is \( \text{@:|is \( \text{@)|is \(\text{@.|"
    "is:\n\n**@|"
    r"is \( \text{@.}|is \( \text{@.|is \( \boxed{@}|"
    "is:\n\\[ \\boxed{\\text{@}}|is:\n\\[ \\text{@)|is:\n\n\\[ \\text{@)|"
    r"is \( \textbf{@)|is \( \text{@}|is: \( \text{@.|"
    "corresponds to:\n- **@:|would be: **@**.|"
    r"is \( @ \)|"
    "is:\n**@ |corresponds to option **@**|be **@**|be: \n\n@)|is:\n\\[ \\boxed{@}|is:  \n**@:|"
    r"is: \( \text{@)|is likely: **@,|is } \mathbf{@.|is \( \boxed{@)|is \( \textbf{@}|is \(@\)|"
    "is:\n  \n**@:|is option **@ |is:\n\\( \\textbf{@.|"
    r"is \( \mathbf{@}|was option **@**"
)
_ANYWHERE = (
    'is likely "@)|option **@:|is "@)|is most likely **@,|is often **@:|is:  \n@)| @.| @,| @:| @)|**@.|**@)|"@.|"@,|"@:'
    '|(@)|"@"'
)
_ALONE = "<@>|<@.|<@,|<@:|<@)"
_BLOCKS = (_CHINESE, _PLAIN, _EMPHASISED, _HEDGED, _LISTED, _FORMULAS, _ANYWHERE, _ALONE)
_RULES = rules([(_SMALL, block) for block in _BLOCKS])


def letter_in(response: str) -> str | None:
    """Return the letter that a response settles on, if any."""
    text = response.lower()
    if text.startswith(_TURNS):
        text = text[3:].strip()
    answer = _RULES.answer(text)
    return None if answer is None else LETTERS[answer]


def mark(item: Item, response: str, _replies: Sequence[str]) -> Mark:
    """Mark the letter of a response; where it has none, `settle` draws one."""
    letter = letter_in(response)
    if letter is None:
        return mark_of(item, 0.0, response, outcome=Outcome.GUESSED)
    return mark_of(item, float(letter == item.label), response, detail=letter)
