"""Sentences that must stand beside the numbers: what the paper leaves open or gets wrong, and what ours are.

The tags (D4, T5, ...) are only for readers of the code: they group the notes by data, model, training,
evaluation.
"""

from mineral_lib.config import Settings

PAPER_TEST_IS_VALIDATION = (
    "The paper's test accuracies of GoogLeNet, ResNet50, ResNeXt50, ConvNeXt and both pretrained ConvNeXt rows are, "
    "within 0.01, the best-epoch validation accuracies in the authors' own logs. Their public code knows a folder of "
    "test images and looks at a batch of it, but computes no accuracy on it: the best epoch was chosen on the "
    "photographs it is reported on."
)
LEAK = (
    "The paper augments first and splits afterwards, so copies of one photograph fall on both sides: with "
    "its factors "
    "about 94.5 % of test images have an augmented sibling in the training set. Split 80:20 instead of 6:2:2, as the "
    "authors' code does, it is about 99.3 %. 'grouped' keeps every specimen on one side and is our headline; 'paper' "
    "and 'authors' repeat the two orders and measure recognition of known photographs."
)
MIXED_WEIGHTS = (
    "Table 4 mixes attention with pretraining: its ConvNeXt row is the unpretrained one of Table 5, the "
    "proposed row is "
    "pretrained, the other four are not stated. Block as_read repeats that reading; fair_none starts "
    "every network from "
    "scratch; fair_all starts every network from transferred weights."
)
AVERAGING = (
    "Precision and recall are macro averages: the paper states no averaging, but micro and weighted "
    "recall equal "
    "accuracy by definition and its recall never does. Accuracy is correct / all; a one-vs-rest reading "
    "of Eq. 3 would "
    "give about 99.9 %."
)
PAPER_NOISE = (
    "The paper shows one run without a seed or interval. Wilson's 95 % interval for its 98.58 % is "
    "98.3-98.8 if all "
    "6,915 test images were independent and 97.9-99.0 if only the 1,616 source photographs were."
)
AUTHORS_RATE = (
    "The authors' code trains the ConvNeXts with AdamW at 5e-5 (proposed) and 5e-4 (plain), not with Adam at 0.001 as "
    "printed: the proposed network had a ten times lower rate than the baseline it is compared with. The four older "
    "networks have Adam at a constant rate (1e-4 to 3e-4); in the ResNets batch norm is frozen after epoch 1."
)
VGG_LOG = (
    "The log named VGG has 500 epochs and ends at another accuracy than printed, so it is not the printed "
    "run; its curve "
    "is cut at epoch 200 where runs are compared."
)
ECA_LOG = (
    "Table 5 prints 97.62 % for ECA without transfer; the log named like that run peaks at 86.15 %. "
    "Either it is another "
    "run or the row is contradicted."
)
PARAMETER_COLUMN = (
    "The paper's parameter column cannot be reproduced: ConvNeXt-T with 26 outputs has 27,840,122 "
    "parameters and ECA adds "
    "18 (one module a stage) or 84 (one a block), so all four rows are 27.84 million. Transfer learning "
    "adds none."
)
SIZE_COLUMN = (
    "A saved state has 106.25 to 106.27 MiB, by the lengths of its tensors' names (here timm's); four ECA modules add "
    "0.002, eighteen 0.006, transfer nothing. The paper's 106.25 and 106.26 (printed as 'M') fit that; 106.26 for "
    "transfer alone and 106.27 for both do not."
)
HEAD = (
    "Table 1 prints 1000 outputs, the head for ImageNet; the study has one output a mineral. It omits the layer scale."
)
PLACEMENT = (
    "The paper places ECA 'after each ConvNeXt block (i.e. after conv_2,3,4,5)', which reads as 18 or as "
    "4 modules; the "
    "authors' code has 4, one after each stage. It passes them the width of another stage, so their "
    "kernels are 5, 3, 5, 5 "
    "instead of the formula's 3, 5, 5, 5."
)
EXACT_TWO = (
    "The paper's gains: ECA +1.02, transfer +1.27, both +1.98 points of accuracy, less than their sum "
    "(2.29). Precision and "
    "recall of its last row are exactly the first row plus 2.00."
)
SWAPPED = (
    "The paper's text and Table 3 define FP as 'truly positive, predicted negative' and FN the other way "
    "round. With those "
    "definitions its Eq. 4 is the usual recall and Eq. 5 the usual precision. All our figures use the "
    "standard terms."
)
SECTION_41 = (
    "The proposed model's printed 'validation accuracy' of 99.42 % is within 0.01 of the final training accuracy in "
    "the authors' log (99.41 %), not its best validation accuracy (98.58 %)."
)
FACTORS = (
    "Table 2's augmented counts add up to the 34,576 of the text; the originals, 8,081, are not stated "
    "there. Factors are 4, "
    "5 (pyrite, quartz) or 8 (molybdenite, no. 24) without a reason and do not balance the classes. "
    "Section 3.1 lists "
    "molybdenite twice; no. 24 has no English name and is no standard mineral name."
)
CONVERGENCE = (
    "The paper says 'clearly faster' without a number and compares a pretrained network with others from "
    "scratch. Epochs are "
    "not equal work: batch size is, but a step of another network costs another time."
)
PAIRED = (
    "McNemar's exact test takes photographs as independent and is therefore too optimistic with several "
    "views of a specimen; "
    "the interval of the difference resamples specimens. p values are also shown corrected for the number "
    "of comparisons "
    "(Holm)."
)
COMPLEXITY = (
    "The paper says accuracy grows with complexity; in its own table VGG19, with 139.7 million parameters "
    "the largest, is "
    "last, and GoogLeNet, with 5.6 million the smallest, beats it."
)
CAM = (
    "Each map is scaled to its own range, so strengths cannot be compared between networks, and five "
    "chosen photographs "
    "prove nothing about the others. The paper states neither layer nor target class; the authors' scripts do (the "
    "last maps, the true class)."
)


def data_note(settings: Settings) -> str:
    """What photographs the numbers rest on."""
    data = settings.data
    if data.source == "folder":
        return "Photographs: the folder given by the user; the paper's photographs are not public."
    return (
        f"Photographs are generated, not taken: {data.fraction:g} of Table 2's original counts, "
        f"{data.views} views a specimen, "
        f"{data.image_size_px} px. The paper's photographs are not public, so its accuracies cannot be "
        "checked; they are a "
        "reference column and differences to them say nothing about real minerals."
    )


def network_note(settings: Settings) -> str:
    """What networks the numbers rest on."""
    if settings.model.family == "paper":
        return "Networks are the six of the paper at their full size."
    return (
        "Networks marked (compact) are small siblings of the paper's: a quarter of the widths, one halving of the map "
        "less; the ConvNeXts have two thirds of the blocks, 3x3 kernels and another stem as well."
    )


def weights_note(settings: Settings) -> str:
    """What a transfer run starts from."""
    return {
        "formula": "Transfer runs start from weights learned here on formula-driven images, not on ImageNet.",
        "imagenet": "Transfer runs start from ImageNet-1k weights.",
        "file": "Transfer runs start from the weights files named in the profile.",
    }[settings.weights.source]


def context_notes(settings: Settings) -> list[str]:
    """Data, networks and weights in three sentences; every results table ends with them."""
    return [data_note(settings), network_note(settings), weights_note(settings)]
