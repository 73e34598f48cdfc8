// For the shared library with a C++ runtime of its own: what that runtime has allocated when it was
// loaded, the 73 KB from which it would take a std::bad_alloc if there were nothing else, goes when
// the library is closed. libstdc++ does not do so by itself, as it is otherwise never unloaded.
// Its name is libstdc++'s, which declares it in no header.
namespace __gnu_cxx { // NOLINT(bugprone-reserved-identifier)
void __freeres();     // NOLINT(bugprone-reserved-identifier)
} // namespace __gnu_cxx

__attribute__((destructor)) static void free_emergency_pool() {
    __gnu_cxx::__freeres();
}
