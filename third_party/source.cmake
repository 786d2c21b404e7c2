# The pinned release of ggml in source: the npm package node-llama-cpp carries llama.cpp's repository as a git bundle,
# and ggml is a folder of it.

set(pinned_package node-llama-cpp)
set(pinned_version 3.22.1) # ggml 0.25.1
set(pinned_sha512
  "6e5b488a9b9699cd76dc7eed30880318a4ac4ab866865418795502e3c5d38d55bb5c624988927209d95333343f2e25a83e4183a5c2f816f883a60c3ba9f4e20f")

# pinned_ggml fetches the sources into the build folder, unless they are there, and sets out to ggml's.
function(pinned_ggml out)
  set(dir "${CMAKE_BINARY_DIR}/source-${pinned_version}")
  set(${out} "${dir}/tree/ggml" PARENT_SCOPE)
  if(EXISTS "${dir}/tree/ggml/CMakeLists.txt")
    return()
  endif()
  find_program(NPM NAMES npm npm.cmd REQUIRED)
  find_program(GIT NAMES git REQUIRED)
  set(archive "${dir}/${pinned_package}-${pinned_version}.tgz")
  file(MAKE_DIRECTORY "${dir}")
  message(STATUS "Fetching ${pinned_package} ${pinned_version}")
  run("${dir}" "${NPM}" pack --silent "${pinned_package}@${pinned_version}")
  file(SHA512 "${archive}" sha512)
  if(NOT sha512 STREQUAL pinned_sha512)
    message(FATAL_ERROR "${archive} has the SHA-512 ${sha512}, want ${pinned_sha512}: not the pinned release, not building it")
  endif()
  run("${dir}" "${CMAKE_COMMAND}" -E tar xzf "${archive}" package/llama/gitRelease.bundle)
  file(REMOVE_RECURSE "${dir}/tree")
  run("${dir}" "${GIT}" init --quiet tree)
  run("${dir}/tree" "${GIT}" fetch --quiet ../package/llama/gitRelease.bundle HEAD)
  run("${dir}/tree" "${GIT}" checkout --quiet FETCH_HEAD -- LICENSE ggml)
  file(REMOVE_RECURSE "${archive}" "${dir}/package")
endfunction()

# run executes a command in a folder and stops the build if it does not succeed.
function(run dir)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY "${dir}" RESULT_VARIABLE status OUTPUT_QUIET)
  if(NOT status EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "${command}, in ${dir}: ${status}")
  endif()
endfunction()
