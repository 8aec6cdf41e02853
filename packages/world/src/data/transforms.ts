// The one place where bytes become network input and back: uint8 0..255 <-> float32 -1..1, and fitting the picture size.
//   B clips, T frames, H rows, W columns, C = 3 (red, green, blue)
import { invalid } from "@vid2world/formats";
import { fromTypedArray, pad, scope, type Device, type Tensor } from "@vid2world/torch";

/** Frames [B T H W 3] as bytes. */
export interface FrameBytes {
  readonly frames_BTHWC: Uint8Array;
  readonly batch: number;
  readonly frames: number;
  readonly height: number;
  readonly width: number;
}

/** Height and width of a picture. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** Bytes [B T H W 3] -> float32 [B T 3 H W]: 0 becomes -1, 255 becomes 1. */
export function framesToTensor(bytes: FrameBytes, { device = "cpu" }: { device?: Device } = {}): Tensor {
  const { frames_BTHWC, batch, frames, height, width } = bytes;
  const shape = [batch, frames, height, width, 3];
  if (frames_BTHWC.length !== shape.reduce((product, size) => product * size, 1)) {
    throw invalid("frames_BTHWC", `${shape.join(" x ")} bytes`, `${frames_BTHWC.length} bytes`);
  }
  // Bytes cross to the device, which is a quarter of what floats would be.
  return scope(() =>
    fromTypedArray(frames_BTHWC, shape).to(device).permute([0, 1, 4, 2, 3]).float().div(127.5).sub(1).contiguous(),
  );
}

/** Float [B T 3 H W] -> bytes [B T H W 3], clipped to -1..1 and rounded to the nearest. Inverse of framesToTensor. */
export function tensorToFrames(x_BTCHW: Tensor): FrameBytes {
  const [batch, frames, , height, width] = x_BTCHW.dims("B T C H W");
  const bytes = scope(() => {
    const levels = x_BTCHW.detach().float().clamp({ min: -1, max: 1 }).add(1).mul(127.5);
    return levels.add(0.5).to("uint8").permute([0, 1, 3, 4, 2]).contiguous().to("cpu"); // to uint8 cuts
  });
  const frames_BTHWC = bytes.toTypedArray() as Uint8Array;
  bytes.dispose();
  return { frames_BTHWC, batch, frames, height, width };
}

/**
 * Fits pictures [B T C H W] to a size, each axis for itself: too large is cut from the centre, too small is filled by
 * repeating the edge. Called with the original size it undoes a filling exactly (160x120 -> 160x128 -> 160x120).
 */
export function fitFrames(x_BTCHW: Tensor, { height, width }: PictureSize): Tensor {
  const [batch, frames, channels, oldHeight, oldWidth] = x_BTCHW.dims("B T C H W");
  return scope(() => {
    const cut = cutAxis(cutAxis(x_BTCHW, 3, height), 4, width);
    const more = { height: Math.max(0, height - oldHeight), width: Math.max(0, width - oldWidth) };
    if (more.height === 0 && more.width === 0) return cut.contiguous();
    const [, , , cutHeight, cutWidth] = cut.dims("B T C H W");
    const left = Math.floor(more.width / 2);
    const top = Math.floor(more.height / 2);
    const flat = cut.reshape([batch * frames, channels, cutHeight, cutWidth]);
    const filled = pad(flat, [left, more.width - left, top, more.height - top], { mode: "replicate" });
    return filled.reshape([batch, frames, channels, height, width]);
  });
}

function cutAxis(x: Tensor, axis: number, size: number): Tensor {
  const surplus = x.size(axis) - size;
  return surplus > 0 ? x.narrow(axis, Math.floor(surplus / 2), size) : x;
}
