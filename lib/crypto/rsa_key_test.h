// A private key that protects nothing, and a signature that was calculated with it elsewhere.
#pragma once

namespace flexfs::crypto {

inline constexpr const char* test_rsa_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBALttlj2pHxpEygDZ\n"
    "UOwAJ/XitoPHeJiULEMuhU2/8gJxGssgMTYXxepuM7y/lhxcA8816/wrU5YkW0jT\n"
    "jIEf4wAbQb97jdEIFmZiGqbYq9NsQEpMCARtRB9Mf+OAk3cwxoBudWUUBTw0pB1U\n"
    "lG5pJdUiaOGcjQ+0qxtycvdAzVAxAgMBAAECgYBZT64A8d7lSJQtdWCPJL/l9kNc\n"
    "Zie8JRc2aCuTUfzDVxwaYNuyV/+yZxL2RSEFoH8cNSifQBITgH2TJWNVgFlNOetP\n"
    "qTIAqKm41gLp3ctcDzgEilfXJ4v22mq3BKHPpl4oec9xwanlD4CAlFDXbrpT7kfK\n"
    "e4T+kr/6y76qqLuvpQJBAN0EcnjK3NCJnucgGchGLAU8H4CQ6ENLQnizVrAJuwha\n"
    "YgLlod+B71XPbxV55zDyL8nC5rCr7gvmvY1XcB+8ubsCQQDZGBy3EYlXModclZug\n"
    "DnuZLzTAdgpOfbVJojChej9h1MDL8tMj5CXdCgNSXUQkkheZIdrK9mc7zR4Dlxw0\n"
    "rbkDAkEAxIzx6C4wVVwt7kkD5LFS8IzZTxKPG1lQkdqbGw5sQC9wvjbMz+HToDJL\n"
    "DYRNb5/Rk9I6KZ+coQTgSVQbKH5DhQJAfG+KvhBqNbX7ysDidEr446QgS5UdcUIy\n"
    "8KLr1xMYU348iGqGRdNXNKyxnLti/MdUiWzTWXUFVUzMQGiUPUm6ewJBAJZTZkVj\n"
    "xdC0akZv8p048Y6zJPH/hbbzDA2O17flR8620l9VHJi6rokvSfOrO+QuXpWuE3Sj\n"
    "enLATVwfJP5rFok=\n"
    "-----END PRIVATE KEY-----\n";
inline constexpr const char* test_rs256_text = "header.claims";
inline constexpr const char* test_rs256_signature =  // in base64
    "oFo6wkBnW6LLYc5oa+vq7SiXZayTBL8ZjJXGT8V0wBx7k0MxPEH+JkdJhqA4CbcPqMCMiwj+9HE2"
    "EHwbSibsJLRgO0fNyg1zr7p7I/M3v/qQs9G6DhobWuVdR9acmE9mCk9F0UglcVS+kZ3UxITcT4im"
    "TZ02A4lOg+mNcyv4fKY=";

}  // namespace flexfs::crypto
