"""Convolution and pooling as one matrix product, by im2col and col2im (section 7.4).

Feature maps are `(n, channels, height, width)`, as in 斋藤康毅. In memory, however, the axis of
the pictures is the innermost: arrays are transposed views. im2col then copies runs of `n`
neighbouring numbers instead of runs as short as a row of the window. NumPy's element-wise
functions, such as that of ReLU, keep this order of memory.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def im2col(x: np.ndarray, size: tuple[int, int], *, stride: int = 1, pad: int = 0) -> np.ndarray:
    """Copy every window of feature maps into a column of one matrix.

    斋藤康毅's matrix is the transpose, with windows in rows, and has the pictures outermost.

    Args:
        x: Feature maps `(n, channels, height, width)`.
        size: Height and width of the window.
        stride: Pixels from one window to the next.
        pad: Zeros added on each of the four sides.

    Returns:
        `(channels * window height * window width, out height * out width * n)`.
    """
    out_h, out_w = output_size(x.shape[2:], size, stride=stride, pad=pad)
    x = x.transpose(1, 2, 3, 0)  # (c, h, w, n)
    if pad:
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    windows = sliding_window_view(x, size, axis=(1, 2))[:, ::stride, ::stride]
    windows = windows.transpose(0, 4, 5, 1, 2, 3)  # (c, fh, fw, out_h, out_w, n), not copied yet
    return windows.reshape(-1, out_h * out_w * x.shape[-1])


def col2im(
    col: np.ndarray, shape: tuple, size: tuple[int, int], *, stride: int = 1, pad: int = 0
) -> np.ndarray:
    """Add columns up at the places from which `im2col` copied them: its gradient.

    `im2col` copies a pixel into each window that contains it, so its gradient is a sum over these
    windows.

    Args:
        col: Columns, as `im2col` returns them.
        shape: Shape of `x`, and of the result.
        size: Height and width of the window.
        stride: Pixels from one window to the next.
        pad: Zeros that `im2col` added on each of the four sides; their gradient is left out.

    Returns:
        An array of `shape`.
    """
    n, c, h, w = shape
    out_h, out_w = output_size((h, w), size, stride=stride, pad=pad)
    col = col.reshape(c, *size, out_h, out_w, n)
    x = np.zeros((c, h + 2 * pad, w + 2 * pad, n), col.dtype)
    for i in range(size[0]):  # each step adds one pixel of the window, for all windows at once
        for j in range(size[1]):
            rows = slice(i, i + stride * out_h, stride)
            columns = slice(j, j + stride * out_w, stride)
            x[:, rows, columns] += col[:, i, j]
    return x[:, pad : pad + h, pad : pad + w].transpose(3, 0, 1, 2)


def output_size(
    image: tuple[int, int], size: tuple[int, int], *, stride: int = 1, pad: int = 0
) -> tuple[int, int]:
    """Return the number of windows per axis: `(image + 2 pad - size) // stride + 1`.

    Args:
        image: Height and width of the feature maps.
        size: Height and width of the window.
        stride: Pixels from one window to the next.
        pad: Zeros added on each of the four sides.

    Returns:
        Height and width of the result.

    Raises:
        ValueError: If the window does not fit.
    """
    height, width = (side + 2 * pad for side in image)
    if height < size[0] or width < size[1]:
        raise ValueError(
            f"a window of {size[0]}x{size[1]} must fit into the feature maps with their padding; "
            f"received {height}x{width}: take a smaller window, larger pictures or more padding"
        )
    return (height - size[0]) // stride + 1, (width - size[1]) // stride + 1


class Convolution:
    """Convolution: in each window, a weighted sum for every filter."""

    def __init__(self, W: np.ndarray, *, b: np.ndarray, stride: int = 1, pad: int = 0):
        """Set the filters.

        Args:
            W: Filters `(filters, channels, height, width)`.
            b: Bias `(filters,)`.
            stride: Pixels from one window to the next.
            pad: Zeros added on each of the four sides.
        """
        self.params = {"W": W, "b": b}
        self.grads = {}
        self.stride = stride
        self.pad = pad

    def forward(self, x, *, training=False):
        """Return `(n, filters, out height, out width)` for `(n, channels, height, width)`."""
        W, b = self.params.values()
        filters, c, *size = W.shape
        if x.ndim != 4 or x.shape[1] != c:
            raise ValueError(
                f"filters of {c} channels take feature maps (n, {c}, height, width); "
                f"received {x.shape}"
            )
        self.shape = x.shape
        out = output_size(x.shape[2:], size, stride=self.stride, pad=self.pad)
        self.col = im2col(x, size, stride=self.stride, pad=self.pad)  # (c*fh*fw, out_h*out_w*n)
        y = W.reshape(filters, -1) @ self.col  # (filters, out_h*out_w*n)
        y += b[:, np.newaxis]
        return y.reshape(filters, *out, len(x)).transpose(3, 0, 1, 2)

    def backward(self, dout):
        """Return the gradient of `x`, `(n, channels, height, width)`."""
        W = self.params["W"]
        filters, _, *size = W.shape
        dout = dout.transpose(1, 2, 3, 0).reshape(filters, -1)  # (filters, out_h*out_w*n)
        dW = dout @ self.col.T  # (filters, c*fh*fw)
        self.grads = {"W": dW.reshape(W.shape), "b": dout.sum(axis=1)}
        dcol = W.reshape(filters, -1).T @ dout  # (c*fh*fw, out_h*out_w*n)
        return col2im(dcol, self.shape, size, stride=self.stride, pad=self.pad)


class Pooling:
    """Maximum pooling: the gradient of a window goes to its largest value only."""

    def __init__(self, size: int = 2, *, stride: int | None = None):
        """Set the windows.

        Args:
            size: Height and width of the window.
            stride: Pixels from one window to the next; None for `size`: windows do not overlap.
        """
        self.size = (size, size)
        self.stride = stride or size

    def forward(self, x, *, training=False):
        """Return `(n, channels, out height, out width)` for `(n, channels, height, width)`."""
        n, c, *image = self.shape = x.shape
        out = output_size(image, self.size, stride=self.stride)
        col = im2col(x, self.size, stride=self.stride)
        col = col.reshape(c, self.size[0] * self.size[1], -1)  # (c, fh*fw, out_h*out_w*n)
        y = col.max(axis=1, keepdims=True)  # (c, 1, out_h*out_w*n)
        self.largest = col == y
        for k in range(1, col.shape[1]):  # keeps the first of several equal values
            self.largest[:, k] &= ~self.largest[:, :k].any(axis=1)
        return y.reshape(c, *out, n).transpose(3, 0, 1, 2)

    def backward(self, dout):
        """Return the gradient of `x`, `(n, channels, height, width)`."""
        c, pixels, windows = self.largest.shape
        dout = dout.transpose(1, 2, 3, 0).reshape(c, 1, windows)
        dcol = (self.largest * dout).reshape(c * pixels, windows)
        return col2im(dcol, self.shape, self.size, stride=self.stride)


def convolve_by_loops(
    x: np.ndarray, W: np.ndarray, *, b: np.ndarray, stride: int = 1, pad: int = 0
) -> np.ndarray:
    """Convolve by the definition, window by window: slow, for checks of im2col.

    Args:
        x: Feature maps `(n, channels, height, width)`.
        W: Filters `(filters, channels, height, width)`.
        b: Bias `(filters,)`.
        stride: Pixels from one window to the next.
        pad: Zeros added on each of the four sides.

    Returns:
        `(n, filters, out height, out width)`.
    """
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    filters, _, fh, fw = W.shape
    out_h, out_w = output_size(x.shape[2:], (fh, fw), stride=stride)
    y = np.empty((len(x), filters, out_h, out_w), x.dtype)
    for n, f, i, j in np.ndindex(y.shape):
        top, left = i * stride, j * stride
        y[n, f, i, j] = (x[n, :, top : top + fh, left : left + fw] * W[f]).sum() + b[f]
    return y
