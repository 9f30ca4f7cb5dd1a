# Registries for tests: this library serves the tests of other folders too.
mosb_add_library(
  test_registry
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/../support/test_process.cpp
          ${CMAKE_CURRENT_LIST_DIR}/../support/test_registry.cpp
  PUBLIC mosb::base)
target_compile_definitions(
  mosb_test_registry PRIVATE MOSB_TEST_SUPPORT="${CMAKE_CURRENT_LIST_DIR}/../support")

mosb_add_test(
  registry
  SOURCES auth_file_test.cpp
          credential_helper_test.cpp
          auth_test.cpp
          registry_hostile_test.cpp
          registry_link_test.cpp
          registry_mirror_blob_test.cpp
          registry_mirror_test.cpp
          registry_part_test.cpp
          registry_push_test.cpp
          registry_recorded_test.cpp
          registry_redirect_test.cpp
          registry_referrers_test.cpp
          registry_retry_test.cpp
          registry_tls_test.cpp
          registry_url_test.cpp
  LINK mosb::oci_registry mosb::test_registry
  LABEL unit
  TIMEOUT 180)

mosb_add_test(
  registry_real
  SOURCES registry_real_test.cpp
  LINK mosb::oci_registry mosb::test_registry
  LABEL network
  TIMEOUT 180)
