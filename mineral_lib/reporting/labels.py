"""The words written on figures, in English and Chinese; the Chinese ones are the paper's own where it has
them.
"""

from mineral_lib.catalogue import minerals

# key: (English, Chinese)
LABELS = {
    "true": ("True mineral", "真实标签"),
    "predicted": ("Predicted mineral", "预测标签"),
    "accuracy": ("Accuracy (%)", "准确率"),
    "epoch": ("Epoch", "训练轮数"),
    "train": ("Training set", "训练集"),
    "val": ("Validation set", "验证集"),
    "test": ("Test set", "测试集"),
    "original": ("Original", "原图"),
    "augmented": ("After augmentation", "增强后"),
    "rate": ("Share of the true class", "识别比例"),
    "count": ("Photographs", "图像数量"),
    "attention": ("Evidence, low to high", "关注度"),
    "mineral": ("Mineral", "矿物类别"),
    "proposed": ("Proposed model", "本文模型"),
    "input": ("Input feature map", "输入特征图"),
    "output": ("Output feature map", "输出特征图"),
    "block": ("ConvNeXt block", "ConvNeXt 块"),
    "stage": ("Stage", "阶段"),
    "classes": ("minerals", "类矿物"),
    "photograph": ("Photograph", "矿物图像"),
    "pooling": ("Global average pooling", "全局平均池化"),
    "normalisation": ("Layer normalisation", "层标准化"),
    "linear": ("Linear", "全连接"),
    "downsample": ("Downsampling", "下采样"),
    "depthwise": ("Depthwise convolution", "深度可分离卷积"),
    "attention_module": ("Efficient channel attention", "高效通道注意力"),
    "transfer": ("Transfer learning", "迁移学习"),
    "confusion": ("Confusion matrix", "混淆矩阵"),
    "crop": ("Crop", "裁剪"),
    "rotation": ("Rotation", "旋转"),
    "brightness": ("Brightness", "亮度"),
    "noise": ("Noise", "噪声"),
}
PAPER_TITLE_ZH = "基于改进 ConvNeXt 网络的矿物图像智能识别"
_PUNCTUATION = "、，。：；（）《》"


def label(key: str, language: str = "en") -> str:
    """A figure label.

    Args:
        key: Key of ``LABELS``.
        language: ``en``, ``zh`` or ``both`` (English first).
    """
    english, chinese = LABELS[key]
    return {"en": english, "zh": chinese}.get(language, f"{english} {chinese}")


def chinese_characters() -> str:
    """Every non-Latin character that figures may show: the glyphs the bundled font must have, sorted."""
    texts = [PAPER_TITLE_ZH, _PUNCTUATION, *(zh for _, zh in LABELS.values())]
    for mineral in minerals():
        texts += [mineral.chinese, mineral.note]
    return "".join(sorted({character for text in texts for character in text if ord(character) > 0x2E7F}))
