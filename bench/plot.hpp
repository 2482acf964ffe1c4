// Lines in an SVG picture.
#pragma once

#include <string>
#include <vector>

namespace talos::bench {

struct Plot {
  struct Point {
    double x = 0;
    double seconds = 0;
  };
  struct Line {
    std::string name;
    std::vector<Point> points;  ///< by x
  };

  std::string file;  ///< without directory and ending
  std::string title;
  std::string x_label;
  bool logarithmic_x = false;  ///< seconds always are
  std::vector<Line> lines;     ///< the first is drawn thicker
};

std::string as_svg(const Plot& plot);

}  // namespace talos::bench
