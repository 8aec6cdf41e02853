// Pictures of networks as bytes that can be stored: float -1..1 -> uint8 0..255.
//   B clips, T frames, H rows, W columns, C = 3 (red, green, blue)
import { scope, type Tensor } from "@vid2world/torch";

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

/** Float [B T 3 H W] -> bytes [B T H W 3], clipped to -1..1 and rounded to the nearest. */
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
