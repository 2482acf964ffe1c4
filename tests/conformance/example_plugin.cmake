# Builds examples/plugin as a third party would: from a copy, against an installation of the component plugin-dev alone,
# and runs its tests (the conformance kit on the plugin).
# Needs: BUILD_DIR, SOURCE_DIR (examples/plugin), WORK_DIR, CXX, GENERATOR, BUILD_TYPE; SANITIZE may be empty.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    string(JOIN " " command ${ARGN})
    message(FATAL_ERROR "failed (${status}): ${command}")
  endif()
endfunction()

unset(ENV{CMAKE_PREFIX_PATH})
unset(ENV{DESTDIR})
file(REMOVE_RECURSE ${WORK_DIR})
file(COPY ${SOURCE_DIR}/ DESTINATION ${WORK_DIR}/source)
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --component plugin-dev --prefix ${WORK_DIR}/sdk)
set(flags)
if(SANITIZE)
  # Program and plugin must agree on it: it is part of the ABI tag.
  set(flags "-DTALOS_SANITIZE=${SANITIZE}" "-DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE} -fno-omit-frame-pointer")
endif()
run(${CMAKE_COMMAND} -S ${WORK_DIR}/source -B ${WORK_DIR}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
  -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DCMAKE_PREFIX_PATH=${WORK_DIR}/sdk ${flags})
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${CMAKE_CTEST_COMMAND} --test-dir ${WORK_DIR}/build --output-on-failure --no-tests=error)
