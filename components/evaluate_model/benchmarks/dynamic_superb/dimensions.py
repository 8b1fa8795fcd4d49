"""Which dimension each instance of Dynamic-SUPERB's first phase is of.

The table follows the grouping in which results are published (the appendix of SIFT-LLM has 52 of the 55 instances by
dimension; the three of intent classification, which it leaves out, are semantics in the benchmark's description).
"""

from collections.abc import Mapping

DIMENSIONS: Mapping[str, tuple[str, ...]] = {
    "content": (
        "LanguageIdentification_VoxForge",
        "SpeechCommandRecognition_GoogleSpeechCommandsV1",
        "SpeechDetection_LJSpeech",
        "SpeechDetection_LibriSpeech-TestClean",
        "SpeechDetection_LibriSpeech-TestOther",
        "SpeechTextMatching_LJSpeech",
        "SpeechTextMatching_LibriSpeech-TestClean",
        "SpeechTextMatching_LibriSpeech-TestOther",
        "SpokenTermDetection_LJSpeech",
        "SpokenTermDetection_LibriSpeech-TestClean",
        "SpokenTermDetection_LibriSpeech-TestOther",
    ),
    "speaker": (
        "MultiSpeakerDetection_LibriSpeech-TestClean",
        "MultiSpeakerDetection_VCTK",
        "SpeakerCounting_LibriTTS-TestClean",
        "SpeakerVerification_LibriSpeech-TestClean",
        "SpeakerVerification_VCTK",
    ),
    "semantics": (
        "DialogueActClassification_DailyTalk",
        "DialogueActPairing_DailyTalk",
        "IntentClassification_FluentSpeechCommands-Action",
        "IntentClassification_FluentSpeechCommands-Location",
        "IntentClassification_FluentSpeechCommands-Object",
        "SarcasmDetection_Mustard",
    ),
    "degradation": (
        "EnhancementDetection_LibriTTS-TestClean_WHAM",
        "NoiseDetection_LJSpeech_MUSAN-Gaussian",
        "NoiseDetection_LJSpeech_MUSAN-Music",
        "NoiseDetection_LJSpeech_MUSAN-Noise",
        "NoiseDetection_LJSpeech_MUSAN-Speech",
        "NoiseDetection_VCTK-MUSAN-Gaussian",
        "NoiseDetection_VCTK_MUSAN-Music",
        "NoiseDetection_VCTK_MUSAN-Noise",
        "NoiseDetection_VCTK_MUSAN-Speech",
        "NoiseSNRLevelPrediction_VCTK_MUSAN-Gaussian",
        "NoiseSNRLevelPrediction_VCTK_MUSAN-Music",
        "NoiseSNRLevelPrediction_VCTK_MUSAN-Noise",
        "NoiseSNRLevelPrediction_VCTK_MUSAN-Speech",
        "ReverberationDetection_LJSpeech_RirsNoises-LargeRoom",
        "ReverberationDetection_LJSpeech_RirsNoises-MediumRoom",
        "ReverberationDetection_LJSpeech_RirsNoises-SmallRoom",
        "ReverberationDetection_VCTK_RirsNoises-LargeRoom",
        "ReverberationDetection_VCTK_RirsNoises-MediumRoom",
        "ReverberationDetection_VCTK_RirsNoises-SmallRoom",
    ),
    "paralinguistics": (
        "AccentClassification_AccentdbExtended",
        "DialogueEmotionClassification_DailyTalk",
        "EmotionRecognition_MultimodalEmotionlinesDataset",
        "HowFarAreYou_3DSpeaker",
        "SpoofDetection_ASVspoof2015",
        "SpoofDetection_ASVspoof2017",
        "StressDetection_MIRSD",
    ),
    "audio": (
        "BirdSoundDetection_Warblrb10k",
        "ChordClassification_AcousticGuitarAndPiano",
        "EnvironmentalSoundClassification_ESC50-Animals",
        "EnvironmentalSoundClassification_ESC50-ExteriorAndUrbanNoises",
        "EnvironmentalSoundClassification_ESC50-HumanAndNonSpeechSounds",
        "EnvironmentalSoundClassification_ESC50-InteriorAndDomesticSounds",
        "EnvironmentalSoundClassification_ESC50-NaturalSoundscapesAndWaterSounds",
    ),
}


def letters_of(instance: str) -> str:
    """Return a name as names are compared: some differ in hyphens, underscores and case between releases."""
    return "".join(sign for sign in instance.lower() if sign.isalnum())


_DIMENSION_OF = {letters_of(instance): name for name, instances in DIMENSIONS.items() for instance in instances}


def dimension_of(instance: str) -> str | None:
    """Return the dimension of an instance, if the table has it."""
    return _DIMENSION_OF.get(letters_of(instance))
