rule reverse_shell_script
{
    meta:
        title = "A script that gives a shell to the network"
        severity = "high"
        category = "Execution"
        attack = "T1059.004"
    strings:
        $tcp = /(bash|sh|zsh)\s+-i\s+[^\n]{0,40}\/dev\/tcp\//
        $dup = "os.dup2(" ascii
        $socket = "socket.socket(" ascii
        $spawn = /pty\.spawn\(|subprocess\.(call|Popen)\(\[?["'](\/bin\/)?(ba|da|z)?sh/
    condition:
        filesize < 1MB and ($tcp or ($dup and $socket and $spawn))
}

rule mining_program
{
    meta:
        title = "A program that mines for somebody"
        severity = "medium"
        category = "Impact"
        attack = "T1496"
    strings:
        $pool = /stratum\+(tcp|ssl):\/\// ascii
        $donate = "donate-level" ascii
        $algorithm = "cryptonight" ascii nocase
    condition:
        $pool and ($donate or $algorithm)
}
