# `cpack` makes a relocatable archive of each edition: unpack it anywhere, and bin/talos runs. The programs and plugins need only
# glibc there: their other libraries are in it. What each component holds stands with the targets.
set(CPACK_GENERATOR External)
set(CPACK_EXTERNAL_ENABLE_STAGING ON)
set(CPACK_EXTERNAL_PACKAGE_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/archive.cmake)
set(CPACK_PACKAGE_NAME talos)
set(CPACK_PACKAGE_VENDOR "Talos Migrate")
set(CPACK_PACKAGING_INSTALL_PREFIX "")
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)

# The open-source edition has the one plugin that it accepts.
set(CPACK_TALOS_EDITIONS talos talos-commercial)
set(CPACK_TALOS_COMPONENTS_talos talos plugin-sqlite)
set(CPACK_TALOS_COMPONENTS_talos-commercial talos-commercial plugin-sqlite plugin-postgres plugin-mysql plugin-cockroach)
set(CPACK_COMPONENTS_ALL talos ${CPACK_TALOS_COMPONENTS_talos-commercial})

set(CPACK_TALOS_PLUGIN_DIRECTORY ${CMAKE_INSTALL_LIBDIR}/talos/plugins)
set(CPACK_TALOS_ARCHITECTURE ${CMAKE_SYSTEM_PROCESSOR})
include(CPack)
