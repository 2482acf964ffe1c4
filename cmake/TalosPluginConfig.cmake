# find_package(TalosPlugin): the target talos::sdk (headers only), the function talos_add_plugin(), and, as the target
# talos::conformance, the program talos-plugin-conformance.
include(${CMAKE_CURRENT_LIST_DIR}/TalosPluginTargets.cmake)
# For embedded migrations.
enable_language(ASM)
include(${CMAKE_CURRENT_LIST_DIR}/TalosPlugin.cmake)
