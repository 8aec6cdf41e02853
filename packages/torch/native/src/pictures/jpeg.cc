// See jpeg.h. The C library reports errors by a jump, over which no C++ object with a destructor may lie.
#include "jpeg.h"

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

namespace vid2world {
namespace {

/** Segments that say how a picture wants to be shown: Exif, colour profiles. */
constexpr int kExif = JPEG_APP0 + 1, kColourProfile = JPEG_APP0 + 2;

/** A small file can announce gigabytes. */
constexpr size_t kMostBytes = size_t{3} << 28;

struct Failure {
  jpeg_error_mgr manager;
  std::jmp_buf back;
};

[[noreturn]] void leave(j_common_ptr decoder) { std::longjmp(reinterpret_cast<Failure*>(decoder->err)->back, 1); }

void leaveAtWarning(j_common_ptr decoder, int level) {
  if (level < 0) leave(decoder); // other levels only tell what goes on
}

bool ordinary(const jpeg_decompress_struct& decoder) {
  const auto colours = decoder.jpeg_color_space;
  return decoder.marker_list == nullptr && (colours == JCS_YCbCr || colours == JCS_GRAYSCALE || colours == JCS_RGB);
}

bool decode(jpeg_decompress_struct& decoder, const uint8_t* bytes, size_t length, JpegPicture& picture) {
  jpeg_create_decompress(&decoder);
  jpeg_save_markers(&decoder, kExif, 1);
  jpeg_save_markers(&decoder, kColourProfile, 1);
  jpeg_mem_src(&decoder, bytes, length);
  jpeg_read_header(&decoder, TRUE);
  picture.height = decoder.image_height;
  picture.width = decoder.image_width;
  if (!ordinary(decoder) || picture.bytes() > kMostBytes) return false;
  if (picture.bytes() > picture.room) return true;
  decoder.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder);
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = picture.data + decoder.output_scanline * picture.width * 3;
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  jpeg_finish_decompress(&decoder);
  return decoder.marker_list == nullptr; // also between the scans of a progressive picture
}

}  // namespace

bool decodeJpeg(const uint8_t* bytes, size_t length, JpegPicture& picture) {
  if (length == 0) return false;
  jpeg_decompress_struct decoder{};
  Failure failure;
  decoder.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = leave;
  failure.manager.emit_message = leaveAtWarning;
  const bool whole = setjmp(failure.back) == 0 && decode(decoder, bytes, length, picture);
  jpeg_destroy_decompress(&decoder);
  return whole;
}

}  // namespace vid2world
