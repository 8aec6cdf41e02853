// Pictures for tests of metrics, and what can be done to them: noise, blur, shift and compression, each in four strengths.
import { decodeImage, encodeImage } from "@vid2world/formats";
import { avgPool2d, fromTypedArray, scope, stack, type Tensor, upsampleBilinear2d } from "@vid2world/torch";
import { seededRandom } from "../../starts.js";

/** Pictures [N 3 H W] in 0..1, and damages of a strength from 1 to 4, each stronger than the one before. */
export interface DamagedPictures {
  readonly pictures: Tensor;
  readonly damages: Readonly<Record<"noise" | "blur" | "shift" | "compression", (strength: number) => Tensor>>;
}

/** Makes smooth random pictures, always the same ones. */
export async function damagedPictures(count: number, height: number, width: number): Promise<DamagedPictures> {
  const random = seededRandom(11);
  const noise = (shape: readonly number[]): Tensor =>
    fromTypedArray(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random()),
      shape,
    );
  const pictures = upsampleBilinear2d(noise([count, 3, height / 5, width / 5]), [height, width], false).clone();
  const grain = noise([count, 3, height, width]).sub(0.5);
  const compressed = await Promise.all([80, 40, 15, 4].map((quality) => jpegOf(pictures, quality)));
  return {
    pictures,
    damages: {
      noise: (strength) => pictures.add(grain.mul(0.05 * strength)).clamp({ min: 0, max: 1 }),
      blur: (strength) =>
        avgPool2d(pictures, 2 * strength + 1, { stride: 1, padding: strength, countIncludePad: false }),
      shift: (strength) => pictures.roll([strength], { dims: [3] }),
      compression: (strength) => compressed[strength - 1] as Tensor,
    },
  };
}

/** The pictures as JPEG files of this quality show them. */
async function jpegOf(pictures: Tensor, quality: number): Promise<Tensor> {
  const [count, , height, width] = pictures.dims("N C H W");
  const decoded: Tensor[] = [];
  for (let i = 0; i < count; i++) {
    using bytes_HWC = scope(() => pictures.select(0, i).mul(255).round().to("uint8").permute([1, 2, 0]).contiguous());
    const data_HWC = bytes_HWC.toTypedArray() as Uint8Array;
    const jpeg = await encodeImage({ height, width, data_HWC }, "jpg", { quality });
    const shown = await decodeImage(jpeg);
    decoded.push(
      scope(() => fromTypedArray(shown.data_HWC, [height, width, 3]).permute([2, 0, 1]).to("float32").div(255).clone()),
    );
  }
  return stack(decoded);
}
