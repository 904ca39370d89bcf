<?php
// Finds the script or file for each request to PHP's own server, which would not ask WordPress for a robots.txt.

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$file = str_ends_with($path, '/') ? "{$path}index.php" : $path;
if (is_file(__DIR__ . $file)) {
    return false;
}
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = '/index.php';
require 'index.php';
