#!/usr/bin/perl
# The portal of LemonLDAP::NG alone, as an authorization server for machines.
#
# Run by the test that needs it: `perl server.pl FOLDER`. It keeps its configuration and sessions in that folder, listens
# on a free loopback port, prints its issuer as one line of JSON, and ends when its standard input does.

use strict;
use warnings;

my $folder;

BEGIN {
    ($folder) = @ARGV;
    $ENV{LLNG_DEFAULTCONFFILE} = "$folder/lemonldap-ng.ini";
    my $server = $$;
    if ( ( fork // die "fork: $!" ) == 0 ) {
        close STDOUT;
        1 while <STDIN>;
        kill TERM => $server if getppid == $server;
        exit;
    }
}

use Crypt::OpenSSL::RSA;
use HTTP::Server::PSGI;
use IO::Socket::INET;
use JSON qw(encode_json);
use Lemonldap::NG::Portal::Main;

my $socket = IO::Socket::INET->new( LocalAddr => '127.0.0.1:0', Listen => 64 ) or die "listen: $!";
my $portal = 'http://127.0.0.1:' . $socket->sockport . '/';
my $key    = Crypt::OpenSSL::RSA->generate_key(2048);

my $client = {
    oidcRPMetaDataOptionsClientID                    => 'billing',
    oidcRPMetaDataOptionsClientSecret                => 'a-secret.of_no~value-outside-this-test',
    oidcRPMetaDataOptionsAllowClientCredentialsGrant => 1,
    oidcRPMetaDataOptionsAccessTokenJWT              => 1,
    oidcRPMetaDataOptionsAccessTokenSignAlg          => 'RS256',
    oidcRPMetaDataOptionsAdditionalAudiences         => 'https://orders.example.com',
};
my $configuration = {
    cfgNum  => 1,
    cfgDate => time,
    domain  => '127.0.0.1',
    portal  => $portal,
    key     => 'of no value outside this test',

    issuerDBOpenIDConnectActivation    => 1,
    oidcServicePrivateKeySig           => $key->get_private_key_string,
    oidcServicePublicKeySig            => $key->get_public_key_x509_string,
    oidcServiceKeyIdSig                => 'signs',
    # Without these two, a client gets any scope that it asks for.
    oidcServiceAllowOnlyDeclaredScopes => 1,
    oidcRPMetaDataScopeRules           => { billing => { 'orders:read' => '$requested' } },
    oidcRPMetaDataOptions              => { billing => $client },
    oidcRPMetaDataExportedVars         => { billing => {} },

    globalStorage            => 'Apache::Session::File',
    globalStorageOptions     => { Directory => $folder, LockDirectory => $folder },
    persistentStorage        => 'Apache::Session::File',
    persistentStorageOptions => { Directory => $folder, LockDirectory => $folder },

    # Nobody signs in here. Forms for people would need more packages.
    authentication => 'Null',
    userDB         => 'Null',
    passwordDB     => '',
    registerDB     => 'Null',
    captcha        => '::Main::Plugin',
    locationRules  => { '127.0.0.1' => { default => 'deny' } },
};

write_file( 'lmConf-1.json', encode_json($configuration) );
write_file( 'lemonldap-ng.ini', <<"INI" );
[all]
logLevel = info
logger = Lemonldap::NG::Common::Logger::Std
userLogger = Lemonldap::NG::Common::Logger::Std
[configuration]
type = File
dirName = $folder
[portal]
templateDir = /usr/share/lemonldap-ng/portal/templates
INI

my $app = Lemonldap::NG::Portal::Main->run( {} );
$| = 1;
print encode_json( { issuer => $portal } ), "\n";
HTTP::Server::PSGI->new( listen_sock => $socket )->run($app);

sub write_file {
    my ( $name, $text ) = @_;
    open my $file, '>', "$folder/$name" or die "$name: $!";
    print $file $text;
    close $file or die "$name: $!";
}
