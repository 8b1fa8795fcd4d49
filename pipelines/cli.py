"""The `desta` command: what can be said on its line, and what is called then."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from components.core.contracts.errors import DestaError, ExitCode
from pipelines import calls

Command = Callable[[argparse.Namespace], int]

_EXAMPLES = """examples:
  desta run --profile smoke
  desta plan --set train_model.steps=300
  desta status

exit codes: 0 done, 1 a stage failed, 2 usage or configuration, 3 a gate refused, 130 interrupted
state lives under .desta/ of the working directory, or where DESTA_HOME says"""


class _Parser(argparse.ArgumentParser):
    """The parser of a command; what it can be told may be found out late, when the command is the one that is meant."""

    _late: Callable[[], None] = staticmethod(lambda: None)

    def set_late(self, late: Callable[[], None]) -> None:
        self._late = late

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self._late()
        return super().parse_known_args(args, namespace)


def parser() -> argparse.ArgumentParser:
    """Return the command line of `desta`."""
    top = _Parser(
        prog="desta",
        description="Train a language model to hear: DeSTA2.5-Audio as a workflow.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_views(commands)
    _add_materials(commands)
    _add_features(commands)
    _add_replay(commands)
    _add_study(commands)
    _add_export(commands)
    _add_publish(commands)
    _add_services(commands)
    _add_talk(commands)
    return top


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command.

    Raises:
        SystemExit: always, with the code that `ExitCode` explains.
    """
    args = parser().parse_args(argv)
    args.words = (sys.argv[1:] if argv is None else list(argv))[1:]
    try:
        code = args.call(args)
    except DestaError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    raise SystemExit(int(code))


def _add(commands: Any, name: str, call: Command, text: str, *examples: str) -> _Parser:
    command: _Parser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(call=call)
    return command


def _add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON for scripts")


def _add_run(commands: Any) -> None:
    run = _add(
        commands,
        "run",
        calls.run,
        "run the pipeline; what did not change is reused",
        "desta run",
        "desta run --corpus ~/recordings --set train_model.steps=300",
        "desta run --profile smoke --json",
        "desta run --from-published spring --set train_model.steps=300",
    )
    plan = _add(
        commands,
        "plan",
        calls.plan,
        "say for each stage whether it would run or be reused, and why",
        "desta plan",
        "desta plan --profile smoke --set self_generate.max_tokens=48",
    )
    for command in (run, plan):
        command.add_argument("--profile", default="sample", metavar="NAME", help="smoke or sample (default)")
        command.add_argument(
            "--corpus", action="append", type=Path, metavar="DIR", help="a corpus of yours instead of the sample's"
        )
        command.add_argument(
            "--from-published", metavar="NAME[@REVISION]", help="start from a published dataset instead of corpora"
        )
        command.add_argument("--encoder", metavar="REF", help="another audio encoder")
        command.add_argument("--llm", metavar="REF", help="another language model")
        command.add_argument(
            "--set", action="append", default=[], metavar="STAGE.PARAMETER=VALUE", help="change a setting of a stage"
        )
        _add_json(command)


def _add_views(commands: Any) -> None:
    status = _add(
        commands, "status", calls.status, "show a run, the newest by default", "desta status", "desta status --json"
    )
    status.add_argument("run", nargs="?", metavar="RUN", help="the run's id, see `desta runs`")
    runs = _add(commands, "runs", calls.runs, "list all runs, the newest first", "desta runs", "desta runs --json")
    doctor = _add(commands, "doctor", calls.doctor, "check this installation", "desta doctor", "desta doctor --json")
    for command in (status, runs, doctor):
        _add_json(command)


def _add_materials(commands: Any) -> None:
    models = _add(
        commands,
        "models",
        calls.models,
        "list the verified model store, or bring models into it",
        "desta models list",
        "desta models fetch",
        "desta models fetch hf://org/name@revision",
    )
    models.add_argument("action", choices=("list", "fetch"))
    models.add_argument("reference", nargs="*", metavar="REF", help="default: the models of the profiles")
    _add_model(commands)
    prompts = _add(
        commands,
        "prompts",
        calls.prompts,
        "check prompt pools, or let the backbone write more prompts for one",
        "desta prompts check",
        "desta prompts check speech.yaml --json",
        "desta prompts expand --domain speech --to 4000 --out my-pools",
        "desta prompts expand --help",
    )
    prompts.add_argument("action", choices=("check", "expand"))
    prompts.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="...", help="those of the action, see its --help"
    )
    gc = _add(
        commands,
        "gc",
        calls.gc,
        "remove kept answers that no finished result holds and no unfinished work asked for",
        "desta gc --dry-run",
        "desta gc --json",
    )
    gc.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    _add_json(gc)


def _add_features(commands: Any) -> None:
    features = _add(
        commands,
        "features",
        calls.features,
        "show what the audio encoder's kept features take on the disk, or remove those of clips",
        "desta features list",
        "desta features erase CLIP",
    )
    features.add_argument("action", choices=("list", "erase"))
    features.add_argument("clips", nargs="*", metavar="CLIP", help="with erase: the ids of clips")
    _add_json(features)


def _add_model(commands: Any) -> None:
    actions = commands.add_parser("model", help="describe a model; bring in and hand out adapters").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    describe = _add(
        actions,
        "describe",
        calls.model,
        "count what would be trained between an encoder and a language model; neither is fetched or loaded",
        "desta model describe --encoder openai/whisper-large-v3 --llm meta-llama/Llama-3.1-8B-Instruct",
        "desta model describe --encoder openai/whisper-tiny --llm Qwen/Qwen3-0.6B --qformer-layers 2 --json",
        "desta model describe --preset desta",
    )
    what = "hub id of a known model, a folder, or a reference of the store (default: the embedded one)"
    describe.add_argument("--encoder", metavar="MODEL", help=what)
    describe.add_argument("--llm", metavar="MODEL", help=what)
    describe.add_argument("--preset", default="upstream", metavar="NAME", help="upstream (default) or desta")
    for name in ("queries", "qformer-layers", "tapped-layers"):
        describe.add_argument(f"--{name}", metavar="VALUE", help="as train_model takes it")
    _add_json(describe)
    _add_model_exchange(actions)


def _add_model_exchange(actions: Any) -> None:
    import_ = _add(
        actions,
        "import",
        calls.import_model,
        "make a model of ours from an adapter of upstream's (config.json and model.safetensors)",
        "desta model import theirs --encoder hf://openai/whisper-large-v3@main --llm hf://org/llm@main --to ours",
    )
    import_.add_argument("source", type=Path, metavar="FOLDER", help="as upstream's save_pretrained writes it")
    import_.add_argument("--encoder", required=True, metavar="REF", help="the encoder it was trained with")
    import_.add_argument("--llm", required=True, metavar="REF", help="the language model it was trained with")
    export = _add(
        actions,
        "export",
        calls.export_model,
        "write a model of ours as a folder that upstream's from_pretrained loads",
        "desta model export --to theirs",
        "desta model export ours --encoder-id openai/whisper-tiny --llm-id org/name --to theirs",
    )
    export.add_argument("model", nargs="?", metavar="MODEL", help="folder, run or name@version (default: the newest)")
    for flag in ("--encoder-id", "--llm-id"):
        export.add_argument(flag, metavar="ORG/NAME", help="what upstream is to load (default: as it was fetched)")
    export.add_argument("--placeholder-token", metavar="TOKEN", help="token whose place the audio vectors take")
    for command in (import_, export):
        command.add_argument("--to", required=True, type=Path, metavar="DIR", help="a folder that does not exist yet")
        _add_json(command)


def _add_replay(commands: Any) -> None:
    replay = _add(
        commands,
        "replay",
        calls.replay,
        "answer a random part of a run again, and say how much is byte-identical and why the rest is not",
        "desta replay --fraction 0.1",
        "desta replay 20261122-184937-df17 --fraction 0.02 --seed 1 --json",
    )
    replay.add_argument("run", nargs="?", metavar="RUN", help="default: the newest run")
    replay.add_argument("--fraction", metavar="F", help="part of the answers, up to whole batches (default: 0.02)")
    replay.add_argument("--seed", metavar="N", help="seed of the choice of batches (default: 0)")
    _add_json(replay)


def _add_study(commands: Any) -> None:
    study = _add(
        commands,
        "study",
        calls.study,
        "train the adapter in several ways on the accepted samples of a run, and compare what they hear",
        "desta study adapter",
        "desta study adapter --set steps=30 --to quick",
        "desta study adapter 20261122-184937-df17 --file my-study.yaml --json",
    )
    study.add_argument("subject", choices=("adapter",))
    study.add_argument("run", nargs="?", metavar="RUN", help="default: the newest run")
    study.add_argument(
        "--file", type=Path, metavar="FILE", help="conditions of yours (default: pipelines/study/adapter.yaml)"
    )
    study.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", help="change all conditions")
    study.add_argument("--to", type=Path, metavar="DIR", help="where findings go (default: studies/ of the home)")
    _add_json(study)


def _add_export(commands: Any) -> None:
    export = _add(
        commands,
        "export",
        calls.export,
        "write the accepted dataset of a run as a folder for other tools",
        "desta export --format hf --to my-dataset",
        "desta export 20261122-184937-df17 --format upstream --to data-root",
    )
    export.add_argument("run", nargs="?", metavar="RUN", help="default: the latest run that succeeded")
    export.add_argument(
        "--format",
        required=True,
        metavar="FORMAT",
        help="upstream (JSONL and FLAC), hf (Parquet and card), or croissant (the same with croissant.json)",
    )
    export.add_argument("--to", required=True, type=Path, metavar="DIR", help="a folder that does not exist yet")
    export.add_argument(
        "--notice",
        action="append",
        default=[],
        type=Path,
        metavar="PATH",
        help="a file or folder that your corpora's licences ask to go along (the sample's bring theirs)",
    )
    _add_json(export)


def _add_publish(commands: Any) -> None:
    publish = _add(
        commands,
        "publish",
        calls.publish,
        "put the accepted dataset of a run under data/ and version it with DVC",
        "desta publish --name spring",
        "desta publish 20261122-184937-df17 --name spring --dry-run",
    )
    publish.add_argument("run", nargs="?", metavar="RUN", help="default: the latest run that succeeded")
    publish.add_argument("--name", metavar="NAME", help="default: a name made of the content's digest")
    publish.add_argument("--no-push", action="store_true", help="version it here, and push nothing to DVC's remote")
    publish.add_argument("--dry-run", action="store_true", help="check everything, and write nothing")
    _add_json(publish)


def _add_services(commands: Any) -> None:
    ui = _add(commands, "ui", calls.ui, "open MLflow on this machine's runs", "desta ui", "desta ui --port 5001")
    ui.add_argument("--port", type=int, default=5000, metavar="N", help="default: 5000")
    compile_ = _add(
        commands, "compile", calls.compile_, "write the pipeline as IR YAML", "desta compile alignment.yaml"
    )
    compile_.add_argument("file", type=Path, metavar="FILE")


def _add_talk(commands: Any) -> None:
    chat = _add(
        commands,
        "chat",
        calls.chat,
        "ask a trained model about recordings, once or turn by turn",
        'desta chat bark.wav "Which animal is it?"',
        'desta chat a.wav "Which of them is louder?" --audio b.wav --json',
        "desta chat meeting.mp3",
    )
    serve = _add(
        commands,
        "serve",
        calls.serve,
        "serve a trained model as OpenAI's chat completions; a key is read from DESTA_SERVE_KEY",
        "desta serve",
        "desta serve --model 20261122-184937-df17 --port 8002 --batch 16",
    )
    chat.set_late(lambda: _talk().add_chat_arguments(chat))
    serve.set_late(lambda: _talk().add_server_arguments(serve))


def _talk() -> Any:
    from components.serve_model import settings

    return settings
