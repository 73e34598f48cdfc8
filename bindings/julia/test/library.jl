# The library: its version, and which one is found.

@testset "the package and its library have one version" begin
    project = read(joinpath(@__DIR__, "..", "Project.toml"), String)
    @test occursin("version = \"$(L1L2.version())\"", project)
    @test isfile(L1L2.library_path())
    @test L1L2.instruction_set() in ("avx512bw", "avx2", "sse2", "neon64", "generic")
end

# What a process prints that loads the package, with folders of other packages, and runs the code.
function printed(code, arguments...; folders = [], variables...)
    paths = join([folders; Base.load_path()], ':')
    environment = merge(ENV, Dict("JULIA_LOAD_PATH" => paths), Dict(string(k) => v for (k, v) in variables))
    command = `$(Base.julia_cmd()) --startup-file=no -e $("using L1L2\n" * code) -- $arguments`
    return readlines(setenv(command, environment))
end

# With one library after another until one is loaded: the version of that one, and the errors of the others.
versions(libraries...; before = "", options...) = printed(before * """
    for library in ARGS
        ENV["L1L2_LIBRARY"] = library
        println(try L1L2.version() catch e; sprint(showerror, e) end)
    end""", libraries...; options...)

@testset "a library that is missing, too old or damaged is named in one sentence" begin
    mktempdir() do work
        file(name) = joinpath(work, name)
        function compile(name, code)
            write(file("$name.c"), code)
            run(`cc -shared -fPIC $(file("$name.c")) -o $(file("$name.so"))`)
        end
        version(number) = "unsigned l1l2_version_number(void) { return $number; }"
        compile("old", version(399))
        compile("other", "int other;")
        write(file("text.so"), "no library "^10)
        expected = [
            "none" => "$(file("none.so")): cannot open shared object file: No such file or directory",
            "text" => "$(file("text.so")): invalid ELF header",
            "old" => "found 0.3.99, need 0.4",
            "other" => "it is not libl1l2",
        ]
        old = read(file("old.so"))
        for size in (100, 4097, 12000, length(old) - 1)
            write(file("cut_$size.so"), old[1:size])
            push!(expected, "cut_$size" => "the file is cut off after $size bytes")
        end
        for byte in (5, 6, 19, 20) # class, byte order, machine
            write(file("foreign_$byte.so"), [old[1:byte-1]; ~old[byte]; old[byte+1:end]])
            push!(expected, "foreign_$byte" => "the file is for another kind of processor")
        end
        @test versions((file("$name.so") for (name, _) in expected)...) == [
            "cannot load libl1l2: looked for $(file("$name.so")) (which L1L2_LIBRARY names): $reason; " *
            "set L1L2_LIBRARY to the path of libl1l2 0.4 or later" for (name, reason) in expected
        ]

        functions = join("int l1l2_$name;\n" for name in fieldnames(L1L2.Functions)[2:end-1])
        for (number, name) in (400 => "0.4.0", 10000 => "1.0.0", 19999 => "1.99.99")
            compile(number, version(number) * functions)
            @test versions(file("$number.so")) == [name]
        end

        # L1L2_jll, of which this is as much as the package looks at.
        mkpath(file("L1L2_jll/src"))
        code = "module L1L2_jll\nconst libl1l2_path = $(repr(file("old.so")))\nend"
        write(file("L1L2_jll/src/L1L2_jll.jl"), code)
        @test occursin(
            "looked for $(file("old.so")) (part of L1L2_jll): found 0.3.99, need 0.4; run Pkg.build(\"L1L2\"), " *
            "or set L1L2_LIBRARY",
            only(versions("", folders = [work])),
        )

        # A preference comes before it, L1L2_LIBRARY before both. Julia 1.5 has no preferences.
        path = file("text.so")
        preferences = "Base.eval(Base, :(get_preferences(uuid::UUID) = " *
            "uuid == \$(Base.PkgId(L1L2).uuid) ? Dict(\"library\" => $(repr(path))) : Dict()))\n"
        reported = versions("", file("other.so"), before = preferences, folders = [work])
        @test occursin("looked for $path (which the preference \"library\" names): ", reported[1])
        @test endswith(reported[1], "; set L1L2_LIBRARY to the path of libl1l2 0.4 or later")
        @test occursin("looked for $(file("other.so")) (which L1L2_LIBRARY names): it is not", reported[2])
    end
end

@testset "addresses that an image has saved are not used" begin
    mktempdir() do work
        mkpath(joinpath(work, "Saved", "src"))
        code = "module Saved\nusing L1L2\nconst regularizer = Regularizer(l1 = 1)\nend"
        write(joinpath(work, "Saved", "src", "Saved.jl"), code)
        # The first process makes the image. A system image saves also the state of L1L2, with null pointers.
        code = """
            L1L2.version()
            functions = fill(C_NULL, fieldcount(L1L2.Functions) - 1)
            L1L2.functions[] = L1L2.Functions(functions..., "")
            println(L1L2.library_path())
            using Saved
            println(Saved.regularizer)
            println(Regularizer(l1 = 1)([1.0, 2.0]))"""
        depot = join([work; DEPOT_PATH], ':')
        runs = [printed(code, folders = [work], JULIA_DEPOT_PATH = depot) for _ in 1:2]
        @test runs[2] == [L1L2.library_path(), "Regularizer(closed)", "3.0"]
    end
end

@testset "Ctrl-C during a call waits for its end" begin
    # By kill, since raise sends the signal to one thread, which may ignore it.
    code = """
        Base.exit_on_sigint(false)
        ended = false
        try
            L1L2.with_terms([], 2) do structs, runner, state, faulty
                ccall(:kill, Cint, (Cint, Cint), getpid(), 2)
                start = time()
                while time() < start + 1
                    GC.safepoint()
                end
                global ended = true
                Int32(0)
            end
            sleep(60)
        catch failure
            println(typeof(failure), " ", ended, " ", Regularizer(l1 = 1)([1.0, 2.0]))
        end"""
    @test printed(code) == ["InterruptException true 3.0"]
end
