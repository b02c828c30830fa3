"""The report's plan: its chapters, the title and reading aid of every figure and table, and its limits."""

# Chapters in reading order. A name that ends with an underscore stands for every table that starts so.
CHAPTERS = [
    (
        "Which network is best?",
        [
            "table_4_accuracy_as_read",
            "table_4_comparison",
            "table_4_accuracy_fair_none",
            "table_4_accuracy_fair_all",
            "table_4_pairwise",
            "recipe",
        ],
    ),
    (
        "What do attention and transfer bring?",
        ["table_5_ablation", "table_5_gains", "table_5_starts", "table_5_placements"],
    ),
    ("How much does the paper's split flatter?", ["leakage_gap", "leakage", "leakage_splits"]),
    (
        "Training",
        ["figure_4_curves", "figure_4_authors_curves", "section_4_1_accuracy", "table_6_convergence"],
    ),
    (
        "Mineral by mineral",
        [
            "figure_5_confusion_paper",
            "figure_5_confusion_standard",
            "per_class_",
            "confused_",
            "table_3_terms",
        ],
    ),
    ("Where does the evidence lie?", ["figure_6_grad_cam", "grad_cam_evidence", "ground_test"]),
    (
        "The network",
        ["figure_1_convnext_block", "figure_2_eca_module", "figure_3_network", "table_1_structure"],
    ),
    ("What does each network cost?", ["costs", "cost_scaling"]),
    (
        "The photographs",
        ["plate_1_minerals", "table_2_images", "table_2_counts_paper", "table_2_counts_ours"],
    ),
    ("Runs", ["runs"]),
]
# Left out without a word when they were not made: only some profiles have them.
OPTIONAL = {
    "leakage_gap",
    "table_4_accuracy_fair_none",
    "table_4_accuracy_fair_all",
    "table_5_starts",
    "table_5_placements",
    "table_2_counts_ours",
    "grad_cam_evidence",
    "ground_test",
}

# name: (title, how to read it)
FIGURES = {
    "table_4_accuracy_as_read": (
        "Test accuracy of the six networks, as the paper reads",
        "Dots are ours, bars their 95 % intervals; hollow marks are the printed figures, from other photographs. "
        "Only the proposed network is pretrained here, so this picture mixes attention with pretraining.",
    ),
    "table_4_accuracy_fair_none": (
        "Test accuracy of the six networks, all from scratch",
        "The same without pretraining: the comparison of architectures alone.",
    ),
    "table_4_accuracy_fair_all": (
        "Test accuracy of the six networks, all from transferred weights",
        "The same with pretraining for every network.",
    ),
    "leakage_gap": (
        "The leakage gap",
        "The same classifier under every protocol, with 95 % intervals; behind each accuracy its distance to the "
        "leak-free protocol in points. In (b) labels were drawn by lot: what stands clearly right of the chance line "
        "(always naming the commonest class) was recognised from training, not from mineralogy.",
    ),
    "figure_4_curves": (
        "Figure 4. Training (a) and validation (b) accuracy",
        "One line a network. A large distance between a and b means over-fitting; a steep start means "
        "fast convergence.",
    ),
    "figure_4_authors_curves": (
        "Figure 4 from the authors' own logs",
        "The same picture from the logs in the authors' public repository, on their photographs. The proposed network "
        "starts from ImageNet weights, the others from scratch.",
    ),
    "figure_5_confusion_paper": (
        "Figure 5. Confusion matrix as the paper draws it",
        "Columns are true minerals, rows predicted ones, numbers as in Table 2. Each column adds up to "
        "100 %. Above it stand the test and training photographs of its mineral; † marks fewer than five "
        "test photographs.",
    ),
    "figure_5_confusion_standard": (
        "Confusion matrix in the usual orientation",
        "Rows are true minerals and add up to 100 %; dark squares off the diagonal are confusions. "
        "Beside each name stand its test and training photographs; † marks fewer than five test "
        "photographs.",
    ),
    "figure_6_grad_cam": (
        "Figure 6. Where each network finds its evidence",
        "Tick or cross: right or wrong, with the probability of the predicted class.",
    ),
    "figure_1_convnext_block": (
        "Figure 1. ConvNeXt block",
        "Read from a ConvNeXt-T built at full size, as the paper draws it: depthwise convolution, then a wide and a "
        "narrow 1×1 convolution, added to the input. Height suggests the number of channels; the numbers are those of "
        "the network named in the figure.",
    ),
    "figure_2_eca_module": (
        "Figure 2. Efficient channel attention (ECA)",
        "Every channel gets a gate between 0 and 1 from the means of its k nearest channels; the strong "
        "lines show one of them. "
        "The module has only k weights.",
    ),
    "figure_3_network": (
        "Figure 3. The whole network",
        "From left to right the maps get smaller and have more channels; orange marks the attention modules.",
    ),
    "cost_scaling": (
        "Time against image size, batch and number of images",
        "Both axes are logarithmic; lower is cheaper. Left: larger photographs; along the faint line twice the side "
        "costs four times as much, as the number of pixels says. Middle: larger batches share what every step costs "
        "once; where a line is level, the machine is busy. Right: all images once, augmentation and loading "
        "included. Top: training; bottom: recognition.",
    ),
    "plate_1_minerals": (
        "Plate I. Minerals",
        "One picture each of nine minerals, in the order of the paper's plate.",
    ),
    "table_2_counts_paper": (
        "Images a mineral in the paper (Table 2)",
        "Dark: original photographs; light: after augmentation by a factor of 4, 5 or 8.",
    ),
    "table_2_counts_ours": (
        "Images a mineral in this profile",
        "Dark: our photographs; light: the images of the paper's order, which augments before splitting. "
        "At the end of a line: test and training photographs of the grouped split; † marks fewer than five.",
    ),
}

TABLES = {
    "table_4_comparison": (
        "Table 4. Test evaluation of each network",
        "Compare within 'ours', and with the baselines at the bottom; the paper's columns belong to other photographs. "
        "SD is over seeds; a dash there means one seed.",
    ),
    "table_4_pairwise": (
        "Is the proposed model better on the same photographs?",
        "Positive differences favour the proposed network. The last column says what may be concluded.",
    ),
    "table_5_ablation": (
        "Table 5. Effect of attention and transfer",
        "Each row changes something in ConvNeXt from scratch; gains are differences to that first row in percentage "
        "points of accuracy on the same test photographs.",
    ),
    "table_5_gains": (
        "Gains and interaction",
        "What attention adds is asked twice, from scratch and given transfer. The interaction says whether the two add "
        "up; negative means that together they bring less than the sum.",
    ),
    "table_5_starts": (
        "What a start is worth",
        "Compare transfer with the random start of the same scheme, and both kinds of pictures: what helps on grey "
        "ones is not colour.",
    ),
    "table_5_placements": (
        "Where the attention modules sit",
        "The paper leaves the place open; compare the rows.",
    ),
    "leakage": (
        "Leakage",
        "The same classifier trained and tested under every protocol; the gap is the distance to 'grouped'.",
    ),
    "leakage_splits": (
        "Siblings across the split",
        "A leak-free protocol has 0 in all columns about siblings.",
    ),
    "section_4_1_accuracy": (
        "Section 4.1. Training and validation accuracy",
        "Printed, logged by the authors, and ours; compare the last three columns for over-fitting.",
    ),
    "table_6_convergence": (
        "Epochs to a threshold",
        "Smaller is faster; 'not reached' means not within the trained epochs.",
    ),
    "per_class_": (
        "Each mineral",
        "Recall is the share of a mineral's photographs that is recognised; precision the share of "
        "right calls among all calls of that name.",
    ),
    "confused_": (
        "Most frequent confusions",
        "The number of specimens says whether one odd stone or a real likeness is behind it.",
    ),
    "grad_cam_evidence": (
        "Grad-CAM: evidence on the specimen",
        "Measured against the exact outlines of generated specimens. Compare each network with the two references "
        "below, which look at nothing.",
    ),
    "ground_test": (
        "The same specimens on another ground",
        "A map shows where evidence lies, not whether it counts: here the ground itself is exchanged.",
    ),
    "table_1_structure": (
        "Table 1. Structure",
        "Ours is measured on the live network; the printed column is beside it.",
    ),
    "table_2_images": (
        "Table 2. Minerals and numbers of images",
        "Printed counts beside the photographs this profile used.",
    ),
    "table_3_terms": (
        "Table 3. Terms of the confusion matrix",
        "Rows are the truth, columns the prediction: the terms as printed, the standard ones, our counts.",
    ),
    "recipe": (
        "The paper's recipe and hardware beside ours",
        "What has to be the same before two accuracies may be compared.",
    ),
    "costs": (
        "What each network costs",
        "Parameters, GMACs and MiB belong to the network, the rest to this machine: compare rows of one batch. "
        "Multiply-adds predict speed only roughly.",
    ),
    "runs": ("Finished runs", "What was trained, how long it took, which epoch was tested."),
}

LIMITS = [
    "The paper's photographs are not public, so none of its accuracies can be confirmed or refuted here; only its "
    "arithmetic, its tables of structure and the form of its evaluation can be checked.",
    "Intervals of one seed cover the choice of test specimens only; those of several seeds also what differs between "
    "seeds, and between splits where the profile gives every seed its own. None covers other hyper-parameters.",
    "Every photograph of the test set comes from the same source as the training set: nothing here shows how a network "
    "does on another camera, light or place.",
    "Verdicts are rules applied to numbers; they are as good as the runs behind them.",
]
