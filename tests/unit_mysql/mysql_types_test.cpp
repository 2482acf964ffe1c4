#include "mysql_types.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace talos::mysql {

namespace {

std::string_view change(std::string_view from, std::string_view to) {
  switch (compare_column_types(normal_type(from), normal_type(to))) {
    case TypeChange::same:
      return "same";
    case TypeChange::wider:
      return "wider";
    case TypeChange::narrower:
      return "narrower";
    case TypeChange::other:
      break;
  }
  return "other";
}

}  // namespace

TEST_CASE("the spellings of a type by two servers are one") {
  CHECK(normal_type("int(11)") == "int");
  CHECK(normal_type("bigint(20) unsigned") == "bigint unsigned");
  CHECK(normal_type("int(5) unsigned zerofill") == "int(5) unsigned zerofill");
  CHECK(normal_type("tinyint(1)") == "tinyint(1)");
  CHECK(normal_type("tinyint(4)") == "tinyint");
  CHECK(normal_type("year(4)") == "year");
  CHECK(normal_type("DECIMAL(10,2)") == "decimal(10,2)");
  CHECK(normal_type("enum('A','b,c','d''e')") == "enum('A','b,c','d''e')");
  CHECK(normal_type("timestamp(3)") == "timestamp(3)");
  CHECK(normal_charset("utf8") == "utf8mb3");
  CHECK(normal_charset("utf8_general_ci") == "utf8mb3_general_ci");
  CHECK(normal_charset("utf8mb4_bin") == "utf8mb4_bin");
}

TEST_CASE("integers widen with their size, and lose values with their sign") {
  CHECK(change("int", "bigint") == "wider");
  CHECK(change("bigint", "int") == "narrower");
  CHECK(change("tinyint(1)", "tinyint(4)") == "same");
  CHECK(change("int unsigned", "bigint") == "wider");
  CHECK(change("int unsigned", "int") == "narrower");
  CHECK(change("int", "int unsigned") == "narrower");
  CHECK(change("int", "bigint unsigned") == "narrower");
  CHECK(change("int(5) unsigned zerofill", "int unsigned") == "other");
  CHECK(change("int", "decimal(10,0)") == "wider");
  CHECK(change("int", "decimal(9,0)") == "narrower");
  CHECK(change("int", "decimal(12,2)") == "other");
  CHECK(change("int", "varchar(20)") == "other");
}

TEST_CASE("decimals and floats lose values on either side of the point") {
  CHECK(change("decimal(10,2)", "decimal(12,2)") == "wider");
  CHECK(change("decimal(10,2)", "decimal(12,4)") == "wider");
  CHECK(change("decimal(10,2)", "decimal(10,4)") == "narrower");
  CHECK(change("decimal(10,2)", "decimal(10,0)") == "narrower");
  CHECK(change("decimal(10,2)", "decimal(10,2) unsigned") == "narrower");
  CHECK(change("float", "double") == "wider");
  CHECK(change("double", "float") == "narrower");
  CHECK(change("float", "float(7,3)") == "narrower");
  CHECK(change("float(7,3)", "float") == "wider");
}

TEST_CASE("texts and bytes widen with what they hold, and are not each other") {
  CHECK(change("varchar(20)", "varchar(21)") == "wider");
  CHECK(change("varchar(20)", "varchar(19)") == "narrower");
  CHECK(change("char(10)", "varchar(10)") == "wider");
  CHECK(change("varchar(10)", "char(10)") == "narrower");
  CHECK(change("varchar(16000)", "text") == "wider");
  CHECK(change("varchar(63)", "tinytext") == "wider");
  CHECK(change("varchar(64)", "tinytext") == "narrower");
  CHECK(change("text", "mediumtext") == "wider");
  CHECK(change("longtext", "text") == "narrower");
  CHECK(change("text", "varchar(255)") == "narrower");
  CHECK(change("varbinary(16)", "varbinary(32)") == "wider");
  CHECK(change("binary(16)", "binary(32)") == "other");
  CHECK(change("binary(16)", "varbinary(16)") == "wider");
  CHECK(change("blob", "text") == "other");
  CHECK(change("varchar(20)", "varbinary(80)") == "other");
  CHECK(change("longtext", "json") == "narrower");
  CHECK(change("json", "longtext") == "other");
}

TEST_CASE("values that are appended to an enum widen it; those that go or move do not") {
  CHECK(change("enum('a','b')", "enum('a','b','c')") == "wider");
  CHECK(change("enum('a','b')", "enum('a')") == "narrower");
  CHECK(change("enum('a','b')", "enum('b','a')") == "other");
  CHECK(change("enum('a','b')", "enum('a','x','b')") == "other");
  CHECK(change("set('a','b')", "set('a','b','c')") == "wider");
  CHECK(change("set('a','b')", "set('a','c')") == "narrower");
  CHECK(change("enum('a','bcd')", "varchar(3)") == "wider");
  CHECK(change("enum('a','bcd')", "varchar(2)") == "narrower");
  CHECK(change("varchar(3)", "enum('a')") == "narrower");
}

TEST_CASE("times widen with their precision; bits, years and shapes by what they are") {
  CHECK(change("datetime", "datetime(6)") == "wider");
  CHECK(change("timestamp(6)", "timestamp(3)") == "narrower");
  CHECK(change("datetime", "date") == "narrower");
  CHECK(change("timestamp", "datetime") == "other");
  CHECK(change("bit(3)", "bit(8)") == "wider");
  CHECK(change("bit(8)", "bit(1)") == "narrower");
  CHECK(change("point", "geometry") == "wider");
  CHECK(change("geometry", "point") == "narrower");
  CHECK(change("year", "smallint") == "other");
}

}  // namespace talos::mysql
