# SPDX-FileCopyrightText: 2026 The l1l2 authors
# SPDX-License-Identifier: Apache-2.0

"""
    L1L2.JSONStyle

The form that [`to_json`](@ref) writes: `L1L2.CONFIG` is what `get_config()` of Keras returns;
`L1L2.KERAS2` and `L1L2.KERAS3` are the objects that these versions of Keras write.
"""
@enum JSONStyle::Int32 CONFIG = 0 KERAS2 = 1 KERAS3 = 2

"""
    to_json(regularizer, style = L1L2.CONFIG)

The regularizer as JSON, a `String`; `style` is an [`L1L2.JSONStyle`](@ref).
"""
function to_json(regularizer::Regularizer, style::JSONStyle = CONFIG)
    text = Vector{UInt8}(undef, 256) # enough for every text, says l1l2.h
    length = Ref{Csize_t}()
    check(@ccall $(library().to_json)(
        regularizer::Ptr{Cvoid}, Int32(style)::Int32, text::Ptr{UInt8},
        sizeof(text)::Csize_t, length::Ref{Csize_t}
    )::Int32)
    return String(resize!(text, length[]))
end

"""
    from_json(json)

Makes a [`Regularizer`](@ref) from the JSON that any version of Keras writes for an `L1L2`, `L1` or `L2`.
Throws an `L1L2Error` whose message names the key, the class or the byte that is wrong.
"""
function from_json(json::AbstractString)
    text = String(json)
    handle = Ref{Ptr{Cvoid}}()
    message = Vector{UInt8}(undef, 256) # enough for every message, says l1l2.h
    status = @ccall $(library().from_json)(
        text::Ptr{UInt8}, sizeof(text)::Csize_t, handle::Ref{Ptr{Cvoid}},
        message::Ptr{UInt8}, sizeof(message)::Csize_t
    )::Int32
    if status != 0
        throw(L1L2Error(status, GC.@preserve message unsafe_string(pointer(message))))
    end
    return Regularizer(handle[])
end
