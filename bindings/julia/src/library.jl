# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

# Finds and opens libl1l2, and calls the functions that concern the library itself.

const OLDEST = v"0.4"

# The addresses of the library's functions, each by its name without "l1l2_". Mutable, so that threads
# see all of them or none.
mutable struct Functions
    version_number::Ptr{Cvoid}
    status_string::Ptr{Cvoid}
    isa::Ptr{Cvoid}
    create::Ptr{Cvoid}
    destroy::Ptr{Cvoid}
    get_config::Ptr{Cvoid}
    penalty::Ptr{Cvoid}
    penalty_dlpack::Ptr{Cvoid}
    add_gradient::Ptr{Cvoid}
    add_gradient_dlpack::Ptr{Cvoid}
    prox::Ptr{Cvoid}
    prox_dlpack::Ptr{Cvoid}
    prox_step::Ptr{Cvoid}
    prox_step_dlpack::Ptr{Cvoid}
    penalty_terms::Ptr{Cvoid}
    add_gradient_terms::Ptr{Cvoid}
    prox_terms::Ptr{Cvoid}
    prox_step_terms::Ptr{Cvoid}
    clip_by_norm_terms::Ptr{Cvoid}
    exact_sums_length::Ptr{Cvoid}
    exact_sums_add::Ptr{Cvoid}
    exact_sums_add_dlpack::Ptr{Cvoid}
    exact_sums_add_terms::Ptr{Cvoid}
    exact_sums_merge::Ptr{Cvoid}
    exact_sums_subtract::Ptr{Cvoid}
    exact_sums_read::Ptr{Cvoid}
    exact_sums_norm::Ptr{Cvoid}
    penalty_exact_sums::Ptr{Cvoid}
    to_json::Ptr{Cvoid}
    from_json::Ptr{Cvoid}
    path::String
end

# Null pointers until the library is open. Julia also saves addresses in an image as null pointers.
const functions = Ref(Functions(fill(C_NULL, fieldcount(Functions) - 1)..., ""))

# Threads that use the library first wait for each other: Julia 1.5 cannot load L1L2_jll on two at once. Later
# versions have a lock for that, which a thread that loads a package holds already.
const opening = ReentrantLock()
loading() = isdefined(Base, :require_lock) ? Base.require_lock : opening

is_open() = functions[].version_number != C_NULL
@inline library() = is_open() ? functions[] : open_first()
@noinline open_first() = lock(open_library, loading())::Functions

# The file to open, and why that one.
function find_library()
    chosen = get(ENV, "L1L2_LIBRARY", "")
    isempty(chosen) || return chosen, "which L1L2_LIBRARY names"
    # What Preferences.jl sets; Julia 1.5 has no preferences.
    preferences =
        isdefined(Base, :get_preferences) ?
        Base.get_preferences(Base.PkgId(@__MODULE__).uuid) : Dict()
    haskey(preferences, "library") &&
        return preferences["library"], "which the preference \"library\" names"
    jll = Base.identify_package("L1L2_jll")
    jll === nothing ||
        return Base.invokelatest(getfield, Base.require(jll), :libl1l2_path), "part of L1L2_jll"
    built = joinpath(@__DIR__, "..", "deps", "lib", "libl1l2.$dlext")
    isfile(built) && return normpath(built), "which Pkg.build made"
    name = Sys.isapple() ? "libl1l2.0.dylib" : "libl1l2.so.0"
    return name, "in the system's folders, as Pkg.build(\"L1L2\") has made none"
end

# Fails for an ELF file that the loader would crash on, or call missing.
function expect_suitable(path)
    head = open(file -> read(file, 64), path)
    own = Sys.islinux() ? open(file -> read(file, 64), "/proc/self/exe") : UInt8[]
    length(head) == 64 && head[1:4] == own[1:min(4, end)] || return
    kind = [5, 6, 19, 20] # class, byte order, machine
    head[kind] == own[kind] || error("the file is for another kind of processor")
    head[5:6] == [0x02, 0x01] || return # 64 bits, little-endian
    field(T, offset) = ltoh(only(reinterpret(T, head[offset+1:offset+sizeof(T)])))
    # The table of sections comes last.
    stop = field(UInt64, 40) + UInt64(field(UInt16, 58)) * field(UInt16, 60)
    stop <= filesize(path) || error("the file is cut off after $(filesize(path)) bytes")
end

function open_functions(path)
    isfile(path) && expect_suitable(path)
    opened = dlopen(path)
    address(name) = dlsym(opened, Symbol("l1l2_", name), throw_error = false)
    address(:version_number) === nothing && error("it is not libl1l2")
    found = version_of(@ccall $(address(:version_number))()::UInt32)
    found < OLDEST && error("found $found, need $(OLDEST.major).$(OLDEST.minor)")
    return Functions(map(address, fieldnames(Functions)[1:end-1])..., dlpath(opened))
end

function open_library()
    is_open() && return functions[]
    path, reason = find_library()
    try
        return functions[] = open_functions(path)
    catch failure
        found = replace(sprint(showerror, failure), r"^could not load library[^\n]*\n"s => "")
        built = "run Pkg.build(\"L1L2\"), or "
        error(
            "cannot load libl1l2: looked for $path ($reason): $found; ",
            occursin("names", reason) ? "" : built,
            "set L1L2_LIBRARY to the path of libl1l2 $(OLDEST.major).$(OLDEST.minor) or later",
        )
    end
end

version_of(number) = VersionNumber(number ÷ 10000, number ÷ 100 % 100, number % 100)

"""
    L1L2.library_path()

The path of the library in use: the file that the environment variable `L1L2_LIBRARY` names; else the
preference `"library"`, which `Preferences.set_preferences!("L1L2", "library" => path)` sets; else that of
the package `L1L2_jll`, if it can be loaded; else what `Pkg.build("L1L2")` has made; else the one that the
system finds.
"""
library_path() = library().path

"""
    L1L2.version()

The version of the library in use as a `VersionNumber`.
"""
version() = version_of(@ccall $(library().version_number)()::UInt32)

"""
    L1L2.instruction_set()

The name of the instruction set that the library uses, `"avx2"` for example. All give the same results.
"""
instruction_set() = unsafe_string(@ccall $(library().isa)()::Cstring)

"""
    L1L2Error

A failure that the library reports: `status`, a number of `l1l2.h`, and `message`.
"""
struct L1L2Error <: Exception
    status::Int32
    message::String
end

function L1L2Error(status)
    message = @ccall $(library().status_string)(status::Int32)::Cstring
    return L1L2Error(status, unsafe_string(message))
end

Base.showerror(io::IO, error::L1L2Error) =
    print(io, "L1L2Error: ", error.message, " (status ", error.status, ")")

check(status) = status == 0 ? nothing : fail(status)
@noinline fail(status) = throw(L1L2Error(status))
