"""The loss of SSD (Liu et al., 2016, section 2.2). https://arxiv.org/abs/1512.02325."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_cnn")
class MultiboxLoss(keras.losses.Loss):
    """Smooth L1 on the matched priors plus softmax loss with hard negative mining.

    Of each picture's background priors only those with the highest loss count (hard negative
    mining), three per matched prior. A picture without objects has three as well, so that it still
    teaches the background. The sum over the batch is divided by its number of matched priors, at
    least 1.

    `y_true` holds offsets and class id, ``(batch, priors, 5)``, as `boxes.match` returns them.
    Priors with a class id below 0 are ignored.
    `y_pred` holds offsets and logits, background first, ``(batch, priors, 4 + classes)``. The loss
    is computed in float32 under every dtype policy.
    """

    def __init__(
        self, *, negatives_per_positive: float = 3.0, alpha: float = 1.0, name: str = "multibox"
    ):
        """Set the weights of the terms.

        Args:
            negatives_per_positive: Number of background priors per matched prior.
            alpha: Weight of the offsets' term.
            name: Name of the loss.
        """
        super().__init__(name=name, dtype="float32")
        self.negatives_per_positive = negatives_per_positive
        self.alpha = alpha

    def call(self, y_true, y_pred):
        """Return one value per picture, shape (batch,); their mean is the loss of the batch."""
        labels = ops.cast(y_true[..., 4], "int32")
        positive = ops.cast(labels > 0, "float32")  # (batch, priors)
        background = ops.cast(ops.equal(labels, 0), "float32")
        matched = ops.sum(positive, axis=1)  # (batch,)

        error = ops.abs(y_true[..., :4] - y_pred[..., :4])
        smooth = ops.where(error < 1, 0.5 * error**2, error - 0.5)
        location = ops.sum(ops.sum(smooth, axis=-1) * positive, axis=1)

        cross_entropy = ops.sparse_categorical_crossentropy(
            ops.maximum(labels, 0), y_pred[..., 4:], from_logits=True
        )
        others_last = background * (cross_entropy + 1)
        hardest = ops.argsort(ops.stop_gradient(others_last), axis=1)
        rank = ops.shape(labels)[1] - 1 - ops.argsort(hardest, axis=1)  # 0 for the highest loss
        wanted = self.negatives_per_positive * ops.maximum(matched, 1)
        negative = background * ops.cast(ops.cast(rank, "float32") < wanted[:, None], "float32")
        confidence = ops.sum(cross_entropy * (positive + negative), axis=1)

        pictures = ops.cast(ops.shape(matched)[0], "float32")  # undoes the mean over the batch
        return (self.alpha * location + confidence) * pictures / ops.maximum(ops.sum(matched), 1)

    def get_config(self) -> dict:
        """Return the arguments that rebuild the loss from a saved model."""
        return {
            "negatives_per_positive": self.negatives_per_positive,
            "alpha": self.alpha,
            "name": self.name,
        }
