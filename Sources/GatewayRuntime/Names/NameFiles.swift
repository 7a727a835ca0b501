/// The files by which a machine says how names are resolved.
struct NameFiles: Sendable {
    var hosts = "/etc/hosts"
    var resolvConf = "/etc/resolv.conf"
}
