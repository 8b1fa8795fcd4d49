"""The phrases by which VoiceBench tells the answer to a BIG-Bench task, in its order (see `phrases` for the form).

Phrases that can never decide, since one before them is in every text that they are in, are left out.
"""

from collections.abc import Sequence

from components.evaluate_model.benchmarks.voicebench.phrases import Block

_AB, _NO_YES, _FALSE_TRUE, _FIRST_SECOND = ("a", "b"), ("no", "yes"), ("false", "true"), ("first", "second")

_SAID: Sequence[Block] = (
    (
        _NO_YES,
        (
            "answer is @|the answer @|final answer @|i would answer @|the answer is without any modification @"
            "|the answer to the question is @"
        ),
    ),
    (_FALSE_TRUE, r"the answer is @|answer @|the answer is $\boxed{\text{@}}$"),
    (_NO_YES, r"the answer is \boxed{@}"),
    (_FALSE_TRUE, r"the answer is \boxed{\text{@}}"),
    (_NO_YES, r"the answer is \boxed{\text{@}}|i will provide the answer as @|prefix answer @|conclusion @"),
)
_AT_THE_ENDS: Sequence[Block] = (
    (0, "<no"),
    (1, "<yes"),
    (0, "no>"),
    (1, "yes>"),
)
HYPERBATON: Sequence[Block] = (
    (0, "<a>|<b>"),
    (
        _AB,
        (
            "the answer is (@)|the correct adjective order is option (@)|the correct grammatical order is @"
            "|the correct sentence is option (@)|the sentence with the correct adjectives is @"
            "|correct adjective order options is @|the correct answer is (@)|the correct option is (@)"
            "|the correct order of adjectives in the sentence is option @|the correct sentence would be option (@)"
            "|the correct sentence is (@)|the proper adjective order is @|the correct adjective order is (@)"
            "|correct adjective order is @|the adjectives in option @ are in the correct order"
            "|the right adjective order is @)|the correct adjectivs is (@)|the right adjective order is (@)"
            "|correct adjectival order is @|the proper adjective order is (@)|the correct sentence order is @"
            "|option @ correctly follows the standard adjective order|the answer directly is @"
            "|the correct order would be option @|final answer should be @|final answer @"
            "|option (@) uses the correct adjective sequence|the correct option is option @"
            "|the answer is without any modification @|the correct one is option @"
            "|answer is without any modification @|the answer is without any modification option @|answer is @"
            "|the answer is [@]|option @ follows the correct adjective order|the correct order of adjectives is @"
            "|option (@) is the correct answer|the correct order is @|the correct object order is @"
            "|the correct answer order is @|the final answer without any modification is @|the correct sentence is @"
            "|correct adjective order option is @|correct adjective order is sentence @"
            "|correct objective order option is @|the answer is is @|the correct adjective order is option @"
            "|the correct adjective order is provided in option @|option @ is more accurate|answer is option @"
            "|option @ has the adjectives in the correct order|option @ is closer to being correct"
            "|the most logical order is option @|in option @ the adjectives are in the correct order"
            "|sentence @ is the closest to the correct adjective order|option @ has the correct order"
            "|sentence @ has a more logical|the closest correct order is option @"
            "|sentence @ has the correct adjective order|option @ is the closest to the typical order"
            "|the correct answer would be option @|the correct option is @|option @ has a better adjective order"
            "|option @ has the correct adjective order|option @ seems to follow the typical order"
            "|the correct order is found in option @"
        ),
    ),
    (_FIRST_SECOND, "the correct adjective order is in the @ option"),
    (
        _AB,
        (
            "the correct adverb order would be @|the correct answer would be the @"
            "|the correct adjective order is in option @|the correct adjective order is in sentence @"
            "|the adjectives are in the correct order for @|the answer is [option @]"
            "|option (@) has a correct adjective order|the correct sentence would be @"
            "|option @ follows the correct sequence of adjectives|option @ would be closer to the correct order"
            "|the correct sentence with the adjective order is @|option @ is more grammatically correct"
            "|option @ would be more correct"
        ),
    ),
    (1, "option a is incorrect and option b is correct"),
    (_AB, "option @ is the closest match"),
    (1, "option b follows the typical order of adjectives"),
    (
        _AB,
        (
            "the correct sentence with the adjective order is option @|the correct sentence is option @"
            "|the correct objective order is in option @|the answer is option (@)|the correct option would be (@)"
            "|the correct order is in option @|the correct adjective order is found in option @"
            "|option (@) follows the typical order of adjectives|option (@) has the correct adjective order"
            "|option (@) follows the general adjective order|option (@) would be more grammatically correct"
            "|option @ is the correct|option @ has the correct word order|option @ follows the correct order"
        ),
    ),
    (_FIRST_SECOND, "following the typical order is the @ option"),
    (
        _AB,
        (
            "option @ has a slightly better chance of being correct|the answer is sentence @|the final answer is (@)"
            "|sentence @ … seems to have a more logical|the correct adjective order is … option @|<@ |<@)"
        ),
    ),
)
NAVIGATE: Sequence[Block] = (
    *_SAID,
    (
        0,
        (
            "you do not return to the starting point|you are not at the starting point"
            "|you haven t moved back to the starting point|you cannot return to the starting point"
        ),
    ),
    (1, "you return to the starting point"),
    (0, "you are not facing the starting point|you haven t returned to the starting point"),
    (1, "you end up back at the starting point"),
    (0, "you are not back at the starting point|you will not return to the starting point"),
    (
        1,
        (
            "yes following these instructions|we end up back at the starting point"
            "|indeed returns us to the starting point|indeed bring us back to the starting point"
            "|you ll end up right back where you started|we ve now returned to the starting point"
            "|i have returned to the starting position"
        ),
    ),
    (
        0,
        (
            "the final position is not directly at the starting point"
            "|it appears that we did not return to the exact starting point|does not return us to the starting point"
        ),
    ),
    (
        1,
        (
            "i will end up back where i started|indeed return to the starting point|i ll be back where i started"
            "|i ll end up back at the starting point"
            "|after following these instructions we return to the starting point|we are back at the starting point!"
            "|we are now back at the starting point|you ll end up back where you started"
            "|we have now returned to the starting point|i ve returned to the starting point"
            "|following these instructions will always return us to the starting point"
            "|indeed return you to the starting point|the answer is the starting point"
        ),
    ),
    (
        0,
        (
            "following these instructions doesn t return us to the starting point"
            "|following these directions does not lead you back to your original starting point"
        ),
    ),
    *_AT_THE_ENDS,
)
WEB_OF_LIES: Sequence[Block] = (
    *_SAID,
    (0, "the prefix no applies to the statement|veena s statement cannot be true"),
    (1, "therefore truly lorene tells the truth|the answer is the truth|affirmatively alejandro tells the truth"),
    (
        0,
        (
            "answer is … tells a lie|answer is … lies|answer is … says lie|answer is … doesn t tell the truth"
            "|answer is … does not tell the truth|answer is … didn t tell the truth"
        ),
    ),
    (1, "answer is … tells the truth|answer is … does tell the truth"),
    (_NO_YES, "answer to the question … is @"),
    (1, "from the above steps we can conclude that … tells the truth"),
    (0, "does not tell the truth>|cannot be telling the truth>|is lying>|tells the lie>"),
    (
        1,
        (
            "is also telling the truth>|must be lying>|must be telling the truth>|tells the truth>"
            "|delfina does tell the truth>|osvaldo is telling the truth>"
        ),
    ),
    (0, "lies>"),
    *_AT_THE_ENDS,
)
SPORTS: Sequence[Block] = (
    *_SAID,
    (1, "final answer the sentence is plausible|the answer is directly yes"),
    (0, "no the sentence is not possible|the answer is it is not possible"),
    (1, "the answer is the sentence is plausible"),
    (0, "the sentence is not particularly plausible|the sentence is not plausible"),
    (1, "yes the sentence is structurally plausible|is the sentence plausible? yes it is"),
    (0, "no the original sentence is not plausible|it s not a plausible|to answer your original question no"),
    (1, "making it plausible"),
    (0, "making it implausible"),
    (
        1,
        (
            "it is indeed a plausible sentence|considering these points the sentence is plausible"
            "|i would say the sentence is plausible|i would say that the sentence is plausible"
        ),
    ),
    (
        0,
        (
            "i d say it s not entirely plausible|therefore not plausible|making it an implausible statement"
            "|the following sentence is not plausible|considering these points the sentence is unlikely to be true"
        ),
    ),
    (
        1,
        (
            "yes the sentence is plausible|based on this analysis the sentence is plausible"
            "|considering these points the sentence seems plausible|given the context the sentence is plausible"
            "|considering these factors the sentence is plausible"
        ),
    ),
    (0, "considering these points the sentence is unlikely to be plausible"),
    (
        1,
        (
            "given the context of sports particularly basketball this sentence is plausible"
            "|considering these points the sentence is likely true"
            "|considering these elements the sentence is plausible"
        ),
    ),
    (0, "i would say it s unlikely|it seems unlikely"),
    (1, "given this analysis the sentence is plausible|considering these points the sentence is the plausible"),
    (
        0,
        (
            "the sentence is not entirely possible|the sentence is not entirely accurate"
            "|the sentence is not entirely plausible"
        ),
    ),
    (1, "the answer is plausible"),
    (0, "modification of answer not possible"),
    (
        1,
        (
            "i would say that the sentence is generally plausible|given these points the sentence is plausible"
            "|considering these points the sentence seems to be a plausible|the sentence appears to be a plausible"
        ),
    ),
    (0, "<not plausible>"),
    (
        1,
        (
            "considering these points the sentence … is grammatically correct and makes sense"
            "|considering these points the sentence … is plausible"
        ),
    ),
    (0, "considering these points the sentence … is unlikely"),
    (
        1,
        (
            "based on this analysis the sentence … is plausible"
            "|considering these points the sentence … seems to be a possible"
            "|based on these steps the sentence … is plausible|based on this analysis the sentence … seems plausible"
            "|considering these points the sentence … appears to be plausible"
            "|considering these points the sentence … seems plausible"
        ),
    ),
    (0, "the sentence … is not very plausible"),
    (
        1,
        (
            "considering these points … is a plausible sentence|given this information the sentence … is plausible"
            "|given the context the sentence … is plausible|the sentence … is flexible and realistic"
        ),
    ),
    (0, "considering these points the sentence … is not a plausible statement"),
    (1, "the sentence … is not plausible"),
    (0, "<no"),
    (1, "<yes|<the following sentence is plausible"),
    (0, "no>"),
    (1, "yes>"),
)
