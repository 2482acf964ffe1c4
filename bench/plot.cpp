#include "plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <sstream>

namespace talos::bench {

namespace {

// Of the picture, in its own units; the legend stands right of the frame.
constexpr double left = 70;
constexpr double top = 50;
constexpr double width = 480;
constexpr double height = 300;
constexpr double legend = 270;

// Told apart on white, also by those who see no difference between red and green.
constexpr std::array colours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d00", "#555555", "#56b4e9"};
constexpr std::array dashes{"", "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2"};

class Axis {
 public:
  Axis(double least, double most, bool logarithmic) : least_(least), most_(most), logarithmic_(logarithmic) {}

  /// 0 at the beginning, 1 at the end.
  double place(double value) const {
    if (logarithmic_) return std::log(value / least_) / std::log(most_ / least_);
    return (value - least_) / (most_ - least_);
  }

  /// 1, 2 and 5 times the powers of ten; all in even steps where it is linear.
  std::vector<double> ticks() const {
    std::vector<double> ticks;
    if (!logarithmic_) {
      const double power = std::pow(10, std::floor(std::log10(most_ - least_)));
      const double step = (most_ - least_) / power < 3 ? power / 2 : power * 2;
      for (double value = least_; value <= most_ * 1.001; value += step) ticks.push_back(value);
      return ticks;
    }
    for (double power = std::pow(10, std::floor(std::log10(least_))); power <= most_ * 1.001; power *= 10)
      for (const double times : {1.0, 2.0, 5.0})
        if (power * times >= least_ * 0.999 && power * times <= most_ * 1.001) ticks.push_back(power * times);
    return ticks;
  }

 private:
  double least_;
  double most_;
  bool logarithmic_;
};

std::string number(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.4g", value);
  return text.data();
}

std::string duration(double seconds) {
  return seconds < 0.9995 ? number(seconds * 1000) + " ms" : number(seconds) + " s";
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : std::string(1, c);
  return result;
}

std::string text(double x, double y, const std::string& anchor, const std::string& words,
                 const std::string& more = "") {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
         escaped(words) + "</text>\n";
}

std::string rule(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) +
         "\" " + style + "/>\n";
}

std::string style_of(std::size_t index) {
  const std::string dash = dashes.at(index % dashes.size());
  return std::string("stroke=\"") + colours.at(index % colours.size()) + "\" stroke-width=\"" +
         (index == 0 ? "3" : "1.6") + "\"" + (dash.empty() ? "" : " stroke-dasharray=\"" + dash + "\"");
}

struct Range {
  double least = std::numeric_limits<double>::max();
  double most = 0;
  void take(double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  }
};

}  // namespace

std::string as_svg(const Plot& plot) {
  Range x_range;
  Range y_range;
  for (const Plot::Line& line : plot.lines)
    for (const Plot::Point& point : line.points) {
      x_range.take(point.x);
      y_range.take(point.seconds);
    }
  const Axis x_axis(plot.logarithmic_x ? x_range.least : 0, x_range.most, plot.logarithmic_x);
  const Axis y_axis(y_range.least * 0.7, y_range.most * 1.3, true);
  const auto x_of = [&](double x) { return left + width * x_axis.place(x); };
  const auto y_of = [&](double seconds) { return top + height * (1 - y_axis.place(seconds)); };

  std::ostringstream out;
  const double whole_width = left + width + legend;
  const double whole_height = top + height + 60;
  out << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << whole_width << ' ' << whole_height
      << "\" width=\"" << whole_width << "\" height=\"" << whole_height
      << "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n"
      << "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      << text(left, 25, "start", plot.title, " font-size=\"14\" font-weight=\"bold\"");
  for (const double tick : x_axis.ticks()) {
    out << rule(x_of(tick), top, x_of(tick), top + height, "stroke=\"#e4e4e4\"")
        << text(x_of(tick), top + height + 18, "middle", number(tick));
  }
  for (const double tick : y_axis.ticks()) {
    out << rule(left, y_of(tick), left + width, y_of(tick), "stroke=\"#e4e4e4\"")
        << text(left - 8, y_of(tick) + 4, "end", duration(tick));
  }
  out << "<rect x=\"" << left << "\" y=\"" << top << "\" width=\"" << width << "\" height=\"" << height
      << "\" fill=\"none\" stroke=\"#222\"/>\n"
      << text(left + width / 2, top + height + 42, "middle", plot.x_label)
      << text(left, top - 8, "start", "wall time (logarithmic)");
  for (std::size_t index = 0; index < plot.lines.size(); ++index) {
    const std::string style = style_of(index);
    out << "<polyline fill=\"none\" " << style << " points=\"";
    for (const Plot::Point& point : plot.lines[index].points)
      out << number(x_of(point.x)) << ',' << number(y_of(point.seconds)) << ' ';
    out << "\"/>\n";
    for (const Plot::Point& point : plot.lines[index].points)
      out << "<circle cx=\"" << number(x_of(point.x)) << "\" cy=\"" << number(y_of(point.seconds)) << "\" r=\""
          << (index == 0 ? 4 : 3) << "\" fill=\"" << colours.at(index % colours.size()) << "\"/>\n";
    const double y = top + 12 + 22 * static_cast<double>(index);
    out << rule(left + width + 15, y, left + width + 50, y, style)
        << text(left + width + 57, y + 4, "start", plot.lines[index].name);
  }
  out << "</svg>\n";
  return out.str();
}

}  // namespace talos::bench
