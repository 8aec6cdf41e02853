// Turning the colour circle of byte pictures, bit for bit as Pillow does it: hue and saturation are bytes in between, which loses a little
// even where nothing turns. Single and double precision alternate as they do there.
//   H rows, W columns, C = 3 (red, green, blue), uint8

/** Turns the hue of a picture [H W 3] in place by `turn` of the circle, -0.5 to 0.5. */
export function changeHue(frame_HWC: Uint8Array, turn: number): void {
  const step = Math.trunc(turn * 255) & 0xff;
  for (let i = 0; i < frame_HWC.length; i += 3) {
    const red = frame_HWC[i] as number;
    const green = frame_HWC[i + 1] as number;
    const blue = frame_HWC[i + 2] as number;
    const most = Math.max(red, green, blue);
    const spread = most - Math.min(red, green, blue);
    if (spread === 0) continue; // grey has no hue
    const saturation = Math.trunc(Math.fround(spread / most) * 255);
    if (saturation === 0) {
      frame_HWC.fill(most, i, i + 3);
      continue;
    }
    const hue = (hueByte(red, green, blue, most, spread) + step) & 0xff;
    writeColour(frame_HWC, i, hue, saturation, most);
  }
}

function hueByte(red: number, green: number, blue: number, most: number, spread: number): number {
  const away = (level: number): number => Math.fround((most - level) / spread);
  const sixths =
    red === most
      ? Math.fround(away(blue) - away(green))
      : green === most
        ? Math.fround(2 + away(red) - away(blue))
        : Math.fround(4 + away(green) - away(red));
  return Math.trunc(Math.fround((sixths / 6 + 1) % 1) * 255);
}

/** Sixth of the circle, and how far into it, of each hue. */
const SECTOR = Uint8Array.from({ length: 256 }, (_, hue) => Math.floor((hue * 6) / 255) % 6);
const BEYOND = Float32Array.from({ length: 256 }, (_, hue) => (hue * 6) / 255 - Math.floor((hue * 6) / 255));
/** Saturation as a share of 1. */
const SHARE = Float32Array.from({ length: 256 }, (_, saturation) => saturation / 255);

function writeColour(frame_HWC: Uint8Array, i: number, hue: number, saturation: number, most: number): void {
  const share = SHARE[saturation] as number;
  const beyond = BEYOND[hue] as number;
  const low = Math.round(most * (1 - share));
  const falling = Math.round(most * (1 - Math.fround(share * beyond)));
  const rising = Math.round(most * (1 - share * (1 - beyond)));
  const sector = SECTOR[hue] as number;
  // Going round: red, yellow, green, cyan, blue, magenta.
  if (sector === 0) set(frame_HWC, i, most, rising, low);
  else if (sector === 1) set(frame_HWC, i, falling, most, low);
  else if (sector === 2) set(frame_HWC, i, low, most, rising);
  else if (sector === 3) set(frame_HWC, i, low, falling, most);
  else if (sector === 4) set(frame_HWC, i, rising, low, most);
  else set(frame_HWC, i, most, low, falling);
}

function set(frame_HWC: Uint8Array, i: number, red: number, green: number, blue: number): void {
  frame_HWC[i] = red;
  frame_HWC[i + 1] = green;
  frame_HWC[i + 2] = blue;
}
