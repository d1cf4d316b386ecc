//! Black-box tests: everything here uses the library and the service as others do.

mod import;
