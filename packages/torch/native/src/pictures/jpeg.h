// Decodes ordinary JPEG pictures in the calling thread, by the system's libjpeg-turbo where the build found it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace vid2world {

/** Where a picture goes, and how large it is. */
struct JpegPicture {
  uint8_t* data;
  size_t room;
  size_t height = 0;
  size_t width = 0;
  size_t bytes() const { return height * width * 3; }
};

/**
 * Decodes to red, green, blue where there is room enough; `height` and `width` are set in any case. False for whatever is not both ordinary
 * and whole: four colours, an Exif or colour profile segment, which may want the picture turned or its colours changed, more pixels than
 * a picture has, and any warning of the decoder's.
 */
bool decodeJpeg(const uint8_t* bytes, size_t length, JpegPicture& picture);

}  // namespace vid2world
