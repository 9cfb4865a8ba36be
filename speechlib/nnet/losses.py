"""Losses over training speakers: softmax cross-entropy, and its variants with a margin on the hypersphere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class LossOptions:
    """The section `loss` of a configuration."""

    name: Literal["softmax", "am_softmax", "aam_softmax"] = "softmax"
    margin: float = 0.2  # of am_softmax: subtracted from the cosine; of aam_softmax: added to the angle (radians)
    scale: float = 30.0  # of the cosines
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1:
            raise ValueError(f"margin must be at least 0 and less than 1, got {self.margin}")
        if self.scale <= 0:
            raise ValueError(f"scale must be positive, got {self.scale}")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing must be at least 0 and less than 1, got {self.label_smoothing}")


class CosineLinear(nn.Linear):
    """Cosines between the inputs and the rows of the weights; a Linear layer by its parameters, whose bias is unused.

    The bias stays, so that the weights of a network are the same set whatever it was trained with.
    """

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, units) to (batch, speakers) cosines, in single precision whatever the rest of the network has."""
        with torch.autocast(inputs.device.type, enabled=False):
            return F.linear(F.normalize(inputs.float()), F.normalize(self.weight))


def prepare_output(model: nn.Module, options: LossOptions) -> None:
    """Put a CosineLinear in place of the model's linear layer `output`, where the loss works on cosines."""
    if options.name == "softmax":
        return
    linear = model.output
    output = CosineLinear(linear.in_features, linear.out_features, linear.bias is not None)
    nn.init.xavier_uniform_(output.weight)
    if output.bias is not None:
        nn.init.zeros_(output.bias)
        output.bias.requires_grad_(False)
    model.output = output


def make_loss(options: LossOptions) -> Loss:
    """The loss as a function of (batch, speakers) logits (cosines, but for softmax) and (batch,) labels.

    am_softmax is Wang et al. (2018), "Additive margin softmax for face verification"; aam_softmax is Deng et al.
    (2019), "ArcFace", without its case for angles beyond pi - margin.
    """

    def softmax(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits.float(), labels, label_smoothing=options.label_smoothing)

    def additive_margin(cosines: Tensor, labels: Tensor) -> Tensor:
        margins = torch.zeros_like(cosines).scatter_(1, labels[:, None], options.margin)
        return softmax(options.scale * (cosines - margins), labels)

    def additive_angle(cosines: Tensor, labels: Tensor) -> Tensor:
        right = cosines.gather(1, labels[:, None])
        angle = torch.acos(right.clamp(-1 + 1e-6, 1 - 1e-6)) + options.margin
        return softmax(options.scale * cosines.scatter(1, labels[:, None], angle.cos()), labels)

    return {"softmax": softmax, "am_softmax": additive_margin, "aam_softmax": additive_angle}[options.name]
