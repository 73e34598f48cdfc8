// For the shared library with a C++ runtime of its own: what that runtime has allocated when it was
// loaded, the 73 KB from which it would take a std::bad_alloc if there were nothing else, goes when
// the library is closed. libstdc++ does not do so by itself, as it is otherwise never unloaded.
namespace __gnu_cxx {
void __freeres();
}

__attribute__((destructor)) static void free_emergency_pool() {
    __gnu_cxx::__freeres();
}
