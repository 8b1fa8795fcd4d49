"""Ask a trained model about recordings, once or turn by turn, on the terminal."""

import argparse
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from components.core.command import command_parser, run_command
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Decoding
from components.core.conversation import audio_conversation
from components.core.settings import checked, given
from components.serve_model.settings import ChatSettings, add_chat_arguments

if TYPE_CHECKING:
    from components.core.inference.answers import Generation
    from components.core.inference.desta_model import DestaModel

_NAME = "chat"
_EXAMPLE = """example:
  python -m components.serve_model.chat bark.wav "Which animal is it?"
  python -m components.serve_model.chat a.wav "Which of them is louder?" --audio b.wav --json"""


def parser() -> argparse.ArgumentParser:
    """Return the command line of a conversation."""
    parser = command_parser("serve_model.chat", __doc__ or "", _EXAMPLE)
    add_chat_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Talk."""
    run_command(_command, argv)


def _command(argv: Sequence[str] | None) -> None:
    args = parser().parse_args(argv)
    settings = checked(_NAME, ChatSettings, given(args, ChatSettings))
    files = [args.file, *args.audio]
    if missing := [file for file in files if not file.is_file()]:
        raise ConfigurationError(f"{missing[0]}: no such file")

    from components.core.inference.desta_model import DestaModel

    model = DestaModel.from_pretrained(args.model)
    questions = [args.question] if args.question is not None else _typed(sys.stdin)
    _talk(model, files, questions, Decoding(**settings.model_dump()), as_json=args.json)


def _typed(lines: TextIO) -> Iterator[str]:
    """Yield the questions of a terminal, after a mark, or of a pipe.

    Raises:
        ConfigurationError: a line is no text; those before it were questions.
    """
    from components.core.inference.conversation import check_text

    if isinstance(lines, io.TextIOWrapper):
        lines.reconfigure(errors="surrogateescape")  # else the lines before it would be lost with a bad one
    prompted = lines.isatty()
    _mark(prompted=prompted)
    for number, line in enumerate(lines, 1):
        check_text(line, f"input, line {number}")
        if line.strip():
            yield line.strip()
        _mark(prompted=prompted)


def _mark(*, prompted: bool) -> None:
    if prompted:
        print("> ", end="", file=sys.stderr, flush=True)


def _talk(
    model: "DestaModel", files: Sequence[Path], questions: Iterable[str], decoding: Decoding, *, as_json: bool
) -> None:
    messages: list[dict[str, Any]] = []
    for question in questions:
        messages += _asked(files, question) if not messages else [{"role": "user", "content": question}]
        said = _answer(model, messages, decoding, aloud=not as_json)
        if as_json:
            print(json.dumps(_report(model.name, files, said), ensure_ascii=False), flush=True)
        messages.append({"role": "assistant", "content": said.text})


def _asked(files: Sequence[Path], question: str) -> list[dict[str, Any]]:
    """Return the question as the model was trained to hear it, the recordings before it."""
    system, user = audio_conversation(question, clips=len(files))
    audios = [{"audio": file} for file in files]
    return [system.model_dump(), {**user.model_dump(), "audios": audios}]


def _answer(
    model: "DestaModel", messages: Sequence[dict[str, Any]], decoding: Decoding, *, aloud: bool
) -> "Generation":
    """Return an answer; where it is said aloud, its words are printed as they come."""
    prompt = model.prepare(messages, decoding.max_tokens)
    for piece in model.write([prompt], [decoding]):
        if aloud:
            print(piece.text, end="" if piece.whole is None else "\n", flush=True)
        if piece.whole:
            return piece.whole
    raise AssertionError("an answer has an end")


def _report(name: str, files: Sequence[Path], said: "Generation") -> dict[str, Any]:
    return {
        "model": name,
        "answer": said.text,
        "finish_reason": said.finish_reason,
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": len(said.tokens),
        "heard": [
            {
                "file": str(files[clip.recording]),
                "start_s": clip.start_s,
                "end_s": clip.end_s,
                "transcript": clip.transcript,
                "transcript_by": clip.transcript_by,
            }
            for clip in said.clips
        ],
    }


if __name__ == "__main__":
    main()
