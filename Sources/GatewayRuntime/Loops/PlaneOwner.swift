internal import CSplice
internal import Synchronization

/// The C plane. It is destroyed when the last one goes that could still use it, a loop's runner for example.
///
/// `@unchecked Sendable`: the pointer is set once; CSplice.h says which functions may be called from where.
@safe final class PlaneOwner: @unchecked Sendable {
    let plane: OpaquePointer
    /// Whether its sessions go on elsewhere when it goes.
    let isAbandoned = Atomic(false)

    // unsafe: C has copied the options when it returns. From then on the plane is this object's; in deinit no loop
    // runs, for the thread of one that runs holds its runner, and that this object.
    /// Creates a plane with these options.
    init(_ options: csp_options) throws(SystemError) {
        var created: OpaquePointer?
        var options = options
        try check("create the data plane", unsafe csp_plane_create(&options, &created))
        guard let created = unsafe created else { preconditionFailure("a plane was created") }
        unsafe plane = created
    }

    deinit {
        if isAbandoned.load(ordering: .relaxed) {
            unsafe csp_plane_abandon(plane)
        } else {
            unsafe csp_plane_destroy(plane)
        }
    }
}
